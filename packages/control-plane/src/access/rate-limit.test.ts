import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRateLimit } from './rate-limit.ts'

describe('createRateLimit', () => {
  const limits = { recordsPerSecond: 10, bytesPerSecond: 1_000, burstSeconds: 2 }

  it('lets a node send while it owes nothing, and says when it may go on', () => {
    let nowMs = 0
    const limit = createRateLimit(() => nowMs, limits)
    limit.charge('n_web', { records: 19, bytes: 0 })
    assert.equal(limit.retryAfterSeconds('n_web'), undefined)
    limit.charge('n_web', { records: 31, bytes: 0 })
    assert.equal(limit.retryAfterSeconds('n_web'), 3)
    assert.equal(limit.retryAfterSeconds('n_db'), undefined)
    nowMs = 3_001
    assert.equal(limit.retryAfterSeconds('n_web'), undefined)
  })

  it('counts bytes as well as records', () => {
    const limit = createRateLimit(() => 0, limits)
    limit.charge('n_web', { records: 1, bytes: 2_000 })
    assert.equal(limit.retryAfterSeconds('n_web'), 1)
  })
})
