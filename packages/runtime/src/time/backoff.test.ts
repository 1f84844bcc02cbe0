import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createBackoff, withJitter } from './backoff.ts'

const middle = () => 0.5

describe('createBackoff', () => {
  it('doubles up to the longest delay, and starts again after a reset', () => {
    const backoff = createBackoff({ minMs: 1_000, maxMs: 60_000, random: middle })

    const delays = Array.from({ length: 8 }, () => backoff.nextMs())
    backoff.reset()

    assert.deepEqual(delays, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
    assert.equal(backoff.nextMs(), 1_000)
  })

  it('moves each delay by a quarter at most', () => {
    const least = createBackoff({ minMs: 1_000, maxMs: 60_000, random: () => 0 })
    const most = createBackoff({ minMs: 1_000, maxMs: 60_000, random: () => 1 })

    assert.equal(least.nextMs(), 750)
    assert.equal(most.nextMs(), 1_250)
  })
})

describe('withJitter', () => {
  it('stays within the share in both directions', () => {
    fc.assert(
      fc.property(fc.nat(1e9), fc.double({ min: 0, max: 1, noNaN: true }), (ms, share) => {
        const moved = withJitter(ms, share)
        assert.ok(moved >= ms * (1 - share) - 1e-6 && moved <= ms * (1 + share) + 1e-6)
      }),
    )
  })
})
