import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { testLimits } from '../testing/harness.ts'
import { aNode } from '../testing/node-record.ts'
import { createMoves } from './moves.ts'

const limits = testLimits({ endpoint_changes: 5, endpoint_refill_ms: 10_000 })

describe('moves', () => {
  it('gives five turns at once, and one more each ten seconds', () => {
    let nowMs = 1_000_000
    const moves = createMoves(limits, () => nowMs)
    const turns = () => Array.from({ length: 10 }, () => moves.take(1)).filter(Boolean).length
    assert.equal(turns(), 5)
    nowMs += 9_999
    assert.equal(turns(), 0)
    nowMs += 1
    assert.equal(turns(), 1)
    nowMs += 25_000
    assert.equal(turns(), 2)
    nowMs += 3_600_000
    assert.equal(turns(), 5)
  })

  it('names who has a turn of those that wait', () => {
    let nowMs = 1_000_000
    const moves = createMoves(limits, () => nowMs)
    for (const no of [1, 2]) while (moves.take(no));
    assert.deepEqual(moves.due([aNode(1), aNode(2)]), [])
    nowMs += 10_000
    assert.deepEqual(moves.due([aNode(1)]), [aNode(1)])
    while (moves.take(1));
    assert.deepEqual(moves.due([aNode(1), aNode(2)]), [aNode(2)])
  })

  it('never gives more turns in any time than it may', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(8_000), { maxLength: 200 }), (steps) => {
        let nowMs = 1_000_000
        const moves = createMoves(limits, () => nowMs)
        let taken = 0
        for (const ms of steps) {
          nowMs += ms
          if (moves.take(1)) taken++
        }
        assert.ok(taken <= 5 + Math.floor((nowMs - 1_000_000) / 10_000))
      }),
    )
  })
})
