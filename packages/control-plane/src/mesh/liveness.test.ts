import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { statusAfterSilence } from './liveness.ts'

describe('statusAfterSilence', () => {
  const after = (status: Parameters<typeof statusAfterSilence>[0], silentMs: number) =>
    statusAfterSilence(status, { silentMs, intervalMs: 30_000 })

  it('is unreachable after 3 missed heartbeats and offline after 10', () => {
    assert.equal(after('online', 89_999), 'online')
    assert.equal(after('online', 90_000), 'unreachable')
    assert.equal(after('unreachable', 299_999), 'unreachable')
    assert.equal(after('unreachable', 300_000), 'offline')
  })

  it('holds for a node that never came', () => {
    assert.equal(after('pending', 89_999), 'pending')
    assert.equal(after('pending', 90_000), 'unreachable')
  })

  it('never makes a node better: only a heartbeat does', () => {
    assert.equal(after('offline', 0), 'offline')
    assert.equal(after('offline', 90_000), 'offline')
    assert.equal(after('unreachable', 0), 'unreachable')
  })
})
