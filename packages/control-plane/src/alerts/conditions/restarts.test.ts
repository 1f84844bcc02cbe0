import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { arrivedFactsOf } from '../../telemetry/packs/matcher.ts'
import { createRestarts } from './restarts.ts'

const startMs = Date.UTC(2025, 0, 15)

/** How many restarts are seen in points of these times and uptimes, in seconds. */
function count(...points: [at: number, uptime: number][]): number {
  const restarts = createRestarts()
  return points.flatMap(([at, uptime_seconds]) => {
    const timestamp = new Date(startMs + at * 1_000).toISOString()
    const record = JSON.stringify({ timestamp, group: 'agent_stats', data: { uptime_seconds } })
    return restarts.take('n_web', [arrivedFactsOf('metrics', record)], startMs + at * 1_000)
  }).length
}

describe('restarts of plexd', () => {
  it('are seen by an uptime that is less, or has hardly grown while time went by', () => {
    assert.equal(count([0, 1_000], [20, 5]), 1)
    assert.equal(count([0, 15], [20, 15], [41, 16], [60, 14]), 3)
  })

  it('are none where it runs, is first seen, or its points come late', () => {
    assert.equal(count([0, 5], [15, 20], [31, 35], [46, 51]), 0)
    assert.equal(count([30, 60], [15, 45], [45, 75]), 0)
    assert.equal(count([0, 5], [3_600, 3_605]), 0)
  })
})
