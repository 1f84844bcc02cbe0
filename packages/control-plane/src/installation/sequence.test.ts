import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nextSequence } from './sequence.ts'

const yearMs = 365 * 24 * 60 * 60_000
const nowMs = Date.UTC(2026, 10, 27)

describe('nextSequence', () => {
  it('is the time, so that it is later than what a node heeds that cannot say so', () => {
    assert.equal(nextSequence(0, { heeded: [], nowMs }), nowMs)
  })

  it('is later than the last, and than what any node heeds, whatever the clock says', () => {
    for (const at of [0, nowMs]) {
      const ahead = nowMs + 200 * yearMs
      assert.equal(nextSequence(ahead, { heeded: [], nowMs: at }), ahead + 1)
      assert.equal(nextSequence(5, { heeded: [7, ahead, 6], nowMs: at }), ahead + 1)
    }
  })

  it('does not follow a node that says it heeds what no clock has given', () => {
    const heeded = [Number.MAX_SAFE_INTEGER, nowMs + 301 * yearMs, nowMs + 1]
    assert.equal(nextSequence(5, { heeded, nowMs }), nowMs + 2)
  })

  it('grows by one for a node that always says the most it can, and is later again than that after a restore', () => {
    let last = 0
    for (let at = 0; at < 1_000; at++)
      last = nextSequence(last, { heeded: [last + 1, nowMs + 300 * yearMs], nowMs })
    assert.ok(last < nowMs + 301 * yearMs)
    assert.equal(nextSequence(0, { heeded: [last], nowMs: nowMs + 60_000 }), last + 1)
  })
})
