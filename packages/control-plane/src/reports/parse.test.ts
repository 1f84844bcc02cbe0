import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resolveLimits } from '@plexd/runtime'
import fc from 'fast-check'
import { limits } from '../limits.ts'
import { parseReports } from './parse.ts'
import { salvageReports } from './salvage.ts'

const fields = '"content_type":"a","version":1,"updated_at":"2025-01-15T10:30:00Z"'
const entry = `{"key":"k",${fields},"payload":12345678901234567890}`
const defaults = resolveLimits(limits, {})
const parse = (text: string) => parseReports(Buffer.from(text), defaults)
const salvage = (text: string) => salvageReports(Buffer.from(text), defaults)

describe('parseReports', () => {
  it('keeps payloads as they were written', () => {
    for (const payload of ['12345678901234567890', '1e400', '{"b":1, "a":1,"a":2}', '"\\u003c"']) {
      const { entries } = parse(`{"entries":[{"key":"k",${fields},"payload":${payload}}]}`)
      assert.equal(entries[0]?.payload, payload)
    }
  })

  for (const text of ['6.405641855884096e-309', '12345678901234567890', '[]', '"text"', 'null', ''])
    it(`refuses ${text} for a body`, () => {
      assert.throws(() => parse(text), { code: 'bad_request' })
    })

  it('refuses a key of ours that stands twice, and more entries than anybody sends', () => {
    assert.throws(() => parse('{"deleted":[],"deleted":["k"]}'), /"deleted" twice in one object/)
    assert.throws(() => parse(`{"deleted":[${'"k",'.repeat(20_000)}"k"]}`), {
      code: 'payload_too_large',
    })
  })
})

describe('salvageReports', () => {
  it('takes what fits and counts the rest', () => {
    const text = `{"entries":[${entry},{"key":1},12345678901234567890],"deleted":["k",""]}`
    const { entries, deleted, dropped } = salvage(text)
    assert.deepEqual([entries.length, deleted, dropped], [1, ['k'], 3])
    assert.equal(entries[0]?.payload, '12345678901234567890')
  })

  it('leaves out the one entry that no reader should read', () => {
    const deep = `{"key":"deep",${fields},"payload":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    const wide = `{"key":"wide",${fields},"payload":[${'1,'.repeat(200_000)}1]}`
    const { entries, dropped } = salvage(`{"entries":[${deep},${entry},${wide},${entry}]}`)
    assert.deepEqual([entries.map(({ key }) => key), dropped], [['k', 'k'], 2])
  })

  it('takes what is whole of a body that is cut off anywhere', () => {
    const text = `{"entries":[${entry},${entry}], "other":{"a":[1]},"deleted":["a","b\\"]"]}`
    assert.equal(salvage(text).dropped, 0)
    for (let end = 0; end < text.length; end++) {
      const { entries, deleted, dropped } = salvage(text.slice(0, end))
      assert.ok(dropped > 0, text.slice(0, end))
      assert.ok(entries.length <= 2 && deleted.length <= 2)
    }
    assert.equal(salvage(`{"entries":[${entry},${entry},{"key"`).entries.length, 2)
  })

  it('never throws and always ends, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...'{}[]",:\\ ', entry, '"entries":[', '"deleted":[')),
        (parts) => {
          salvage(parts.join(''))
        },
      ),
    )
  })

  it('hands over no more than anybody has', () => {
    const { deleted, dropped } = salvage(`{"deleted":[${'"k",'.repeat(30_000)}"k"]}`)
    assert.deepEqual([deleted.length, dropped], [20_000, 10_001])
  })
})
