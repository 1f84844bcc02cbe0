import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { filterOf, mayContain } from './word-filter.ts'

describe('a word filter', () => {
  it('lets pass all that is in its texts', () => {
    const unit = fc.constantFrom('a', 'b', ' ', 'é', '0', '😀')
    fc.assert(
      fc.property(fc.array(fc.string({ unit, maxLength: 60 })), (texts) => {
        const filter = filterOf(texts)
        for (const text of texts)
          for (const end of [text.length, 7]) assert.ok(mayContain(filter, text.slice(2, end)))
      }),
      { numRuns: 200 },
    )
  })

  it('turns away most of what is not, and is small', () => {
    const texts = Array.from(
      { length: 1_000 },
      (_, n) => `request ${(n * 7_919_777) % 1e9} finished`,
    )
    const filter = filterOf(texts)
    assert.ok(filter.length <= 4_096, `${filter.length} bytes`)
    assert.ok(mayContain(filter, 'finished'))
    const passed = Array.from({ length: 1_000 }, (_, n) => mayContain(filter, `needle${n}`))
    assert.ok(passed.filter(Boolean).length < 10)
  })

  it('says nothing of what is shorter than it looks', () => {
    assert.ok(mayContain(filterOf([]), 'abc'))
    assert.ok(!mayContain(filterOf([]), 'abcd'))
  })
})
