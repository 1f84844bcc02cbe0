import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseExact } from './exact-json.ts'

describe('parseExact', () => {
  it('keeps numbers exact that JavaScript would round', () => {
    const text =
      '{"a":18446744073709551615,"b":[-9007199254740993,0.12345678901234567890],"c":"1","d":[1e400,-0]}'
    assert.equal(JSON.stringify(parseExact(text)), text)
  })

  it('reads all others as numbers', () => {
    assert.deepEqual(parseExact('[3.0,1e3,0.000000000000000000001]'), [3, 1000, 1e-21])
  })

  it('reads what is nested without measure', () => {
    const text = '['.repeat(100_000) + ']'.repeat(100_000)
    assert.equal(JSON.stringify(parseExact(text)), text)
  })
})
