import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatBatchPosition, parseBatchPosition } from './batch-position.ts'
import { metrics, prometheusMetric } from './metrics.ts'

describe('prometheusMetric', () => {
  it('names each metric by the conventions, and none like another', () => {
    const names = metrics.map((metric) => prometheusMetric(metric).name)
    assert.equal(new Set(names).size, names.length)
    for (const name of names) assert.match(name, /^plexd_[a-z0-9_]+$/)
    const named = Object.fromEntries(metrics.map((metric, index) => [metric.name, names[index]]))
    assert.equal(named['node_resources.cpu_percent'], 'plexd_node_cpu_ratio')
    assert.equal(named['tunnel_health.rx_bytes'], 'plexd_tunnel_rx_bytes_total')
    assert.equal(named['peer_latency.rtt_ms'], 'plexd_peer_rtt_seconds')
    assert.equal(named['agent_stats.cpu_seconds'], 'plexd_agent_cpu_seconds_total')
  })
})

describe('a position of a batch', () => {
  it('is read as it was written', () => {
    const position = { epoch: '0123456789abcdef', first: 2 ** 40, count: 1_000 }
    assert.deepEqual(parseBatchPosition(formatBatchPosition(position)), position)
  })

  it('is nothing when it is written otherwise', () => {
    for (const text of [
      '',
      'a 1 1',
      '0123456789abcdef -1 1',
      '0123456789abcdef 1',
      '0123456789abcdef 1 1 1',
      '0123456789abcdef 9999999999999999 1',
      '0123456789ABCDEF 1 1',
    ])
      assert.equal(parseBatchPosition(text), undefined, text)
  })
})
