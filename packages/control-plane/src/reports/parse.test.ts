import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseReports, salvageReports } from './parse.ts'

const entry =
  '{"key":"k","content_type":"a","payload":12345678901234567890,"version":1,"updated_at":"2025-01-15T10:30:00Z"}'

describe('parseReports', () => {
  it('keeps the numbers of a payload as they were written', () => {
    const { entries } = parseReports(`{"entries":[${entry}],"deleted":null}`)
    assert.equal(JSON.stringify(entries[0]?.payload), '12345678901234567890')
  })

  for (const text of ['6.405641855884096e-309', '12345678901234567890', '[]', '"text"', 'null']) {
    it(`refuses ${text} for a body`, () => {
      assert.throws(() => parseReports(text), { code: 'bad_request' })
    })
  }
})

describe('salvageReports', () => {
  it('takes what fits and counts the rest', () => {
    const text = `{"entries":[${entry},{"key":1},12345678901234567890],"deleted":["k",""]}`
    const { entries, deleted, dropped } = salvageReports(text)
    assert.deepEqual([entries.length, deleted, dropped], [1, ['k'], 3])
  })
})
