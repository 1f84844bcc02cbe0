import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createTokenBuckets } from './token-buckets.ts'

describe('token buckets', () => {
  it('are full at first, each lacks what was taken from it, and time refills them', () => {
    let nowMs = 5_000
    const buckets = createTokenBuckets<string>(() => nowMs)
    assert.equal(buckets.missingMs('a'), 0)
    buckets.take('a', 300)
    buckets.take('a', 200)
    assert.deepEqual([buckets.missingMs('a'), buckets.missingMs('b')], [500, 0])
    nowMs += 400
    assert.equal(buckets.missingMs('a'), 100)
    nowMs += 400
    assert.equal(buckets.missingMs('a'), 0)
    buckets.take('a', 50)
    assert.equal(buckets.missingMs('a'), 50)
  })

  it('are remembered beyond ten thousand as long as something is missing from them', () => {
    let nowMs = 0
    const buckets = createTokenBuckets<number>(() => nowMs)
    buckets.take(0, 1_000)
    for (let key = 1; key < 10_000; key++) buckets.take(key, 10)
    nowMs = 500
    for (let key = 10_000; key < 20_000; key++) buckets.take(key, 10)
    assert.equal(buckets.missingMs(0), 500)
  })
})
