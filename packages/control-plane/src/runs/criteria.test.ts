import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Sight, verdictOf } from './criteria.ts'

const sinceMs = 1_000_000
const healthy = { type: 'healthy' as const, withinMs: 60_000 }
const seen = (parts: Partial<Sight>): Sight => ({
  heartbeat: { status: 'healthy' },
  heardMs: sinceMs + 5_000,
  isRemoved: false,
  ...parts,
})
const judge = (sight: Partial<Sight>, afterMs = 10_000) =>
  verdictOf(healthy, seen(sight), { sinceMs, nowMs: sinceMs + afterMs })

describe('verdictOf', () => {
  it('has a node succeed with a healthy heartbeat that came after its execution', () => {
    assert.deepEqual(judge({}), { status: 'succeeded', reason: '' })
  })

  it('waits for one while there is time, whatever came before or says something else', () => {
    assert.equal(judge({ heardMs: sinceMs - 1 }), undefined)
    assert.equal(judge({ heartbeat: null }), undefined)
    assert.equal(judge({ heartbeat: { status: 'degraded' } }), undefined)
  })

  it('has a node fail that shows nothing in time, and says what it said last', () => {
    assert.deepEqual(judge({ heardMs: null }, 60_000), {
      status: 'failed',
      reason: 'it ran, and no healthy heartbeat came within 1m0s',
    })
    const heartbeat = { status: 'degraded', problems: ['disk full'] }
    assert.deepEqual(judge({ heartbeat }, 60_000), {
      status: 'failed',
      reason:
        'it ran, and no healthy heartbeat came within 1m0s: the last one said "degraded": disk full',
    })
  })

  it('wants the version that was asked for, if one was', () => {
    const version = { type: 'version' as const, version: '1.6.0', withinMs: 60_000 }
    const judgeVersion = (said: string) => {
      const sight = seen({ heartbeat: { status: 'healthy', version: said } })
      return verdictOf(version, sight, { sinceMs, nowMs: sinceMs + 60_000 })
    }
    assert.deepEqual(judgeVersion('1.6.0'), { status: 'succeeded', reason: '' })
    assert.deepEqual(judgeVersion('1.5.0'), {
      status: 'failed',
      reason:
        'it ran, and no healthy heartbeat of plexd 1.6.0 came within 1m0s: the last one said "healthy", of plexd 1.5.0',
    })
  })

  it('does not wait for a node that was removed', () => {
    assert.deepEqual(judge({ isRemoved: true }), {
      status: 'failed',
      reason: 'the node was removed',
    })
  })
})
