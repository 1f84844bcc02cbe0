import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { firstOf } from './page.ts'

describe('firstOf', () => {
  it('ends where the bytes or the items do, and holds one item at least', () => {
    const shown = (bytes: number[], limit = 10) => {
      const { rows, more } = firstOf(bytes, { limit, maxBytes: 100 }, (size) => size)
      return [rows.length, more]
    }
    assert.deepEqual(shown([50, 50]), [2, false])
    assert.deepEqual(shown([50, 50, 1]), [2, true])
    assert.deepEqual(shown([500, 1]), [1, true])
    assert.deepEqual(shown([500]), [1, false])
    assert.deepEqual(shown([1, 1, 1], 2), [2, true])
    assert.deepEqual(shown([]), [0, false])
  })
})
