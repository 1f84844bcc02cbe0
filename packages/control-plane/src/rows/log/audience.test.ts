import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { audienceOf, decodeAudience, encodeAudience, includes } from './audience.ts'

describe('audience', () => {
  it('is read back from the database as it was written, and asked without reading it', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 })), (numbers) => {
        const audience = audienceOf(numbers)
        const encoded = encodeAudience(audience)
        assert.deepEqual([...decodeAudience(encoded)], [...audience])
        for (let no = 0; no <= 61; no++) assert.equal(includes(encoded, no), numbers.includes(no))
      }),
    )
  })

  it('is in order, each once', () => {
    assert.deepEqual([...audienceOf([7, 3, 7, 1])], [1, 3, 7])
  })

  it('takes 16 bytes for a fleet of 10,000 less one', () => {
    const all = Array.from({ length: 10_000 }, (_, no) => no + 1).filter((no) => no !== 4_711)
    assert.equal(encodeAudience(audienceOf(all)).length, 16)
  })
})
