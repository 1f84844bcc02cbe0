import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { metricValues } from './metric-values.ts'

const timestamp = '2025-01-15T10:30:00Z'
const valuesOf = (group: string, data: Record<string, unknown>) => {
  const { values, ...rest } = metricValues({ timestamp, group, data }) ?? { values: {} }
  return { ...rest, values: { ...values } }
}

describe('metricValues', () => {
  it('reads the points of Go nodes under our names', () => {
    const atMs = Date.parse(timestamp)
    assert.deepEqual(
      valuesOf('system', { cpu_usage_percent: 5, disk_used_bytes: 7, network_rx_bytes: 9 }),
      {
        group: 'node_resources',
        atMs,
        values: { cpu_percent: 5, disk_used: 7, network_rx_bytes: 9 },
      },
    )
    assert.deepEqual(valuesOf('latency', { rtt_nano: 2_500_000 }).values, { rtt_ms: 2.5 })
    assert.deepEqual(valuesOf('latency', { rtt_nano: -1 }).values, {})
    assert.deepEqual(
      valuesOf('tunnel', {
        rx_bytes: 1,
        handshake_stale: true,
        last_handshake_time: '2025-01-15T10:29:30Z',
      }).values,
      { rx_bytes: 1, handshake_age_seconds: 30 },
    )
    assert.deepEqual(valuesOf('tunnel', { last_handshake_time: '0001-01-01T00:00:00Z' }).values, {})
  })

  it('leaves ours as they are, and what is no number out', () => {
    const data = { cpu_percent: 5, text: 'x', none: null }
    assert.deepEqual(valuesOf('node_resources', data).values, { cpu_percent: 5 })
    assert.equal(metricValues({ timestamp: 'never', group: 'x', data: {} }), undefined)
    assert.equal(valuesOf('constructor', { a: 1 }).group, 'constructor')
  })
})
