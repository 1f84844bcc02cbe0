import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { metricGroups, type NodeUsage, type PeerUsage } from '@plexd/protocol'
import { startBench } from '../../testing/run.ts'
import { aPage } from '../../testing/samples.ts'

const nothing = Object.fromEntries(
  Object.values(metricGroups).flatMap((rows) => Object.keys(rows).map((field) => [field, null])),
)
const aUsage = (name: string, values: Partial<NodeUsage>) =>
  ({
    node_id: `n_${name}`,
    node_hostname: name,
    status: 'online',
    measured_at: '2025-01-15T10:29:50Z',
    stale: false,
    ...nothing,
    ...values,
  }) as NodeUsage
const gib = 1024 ** 3

describe('top', () => {
  it('shows the busiest node first, and marks what is stale', async () => {
    await using bench = await startBench({
      'GET /admin/v1/metrics/top?limit=500': aPage([
        aUsage('idle', { measured_at: null, stale: true, status: 'offline' }),
        aUsage('calm', {
          cpu_percent: 3.21,
          load_1: 0.5,
          measured_at: '2025-01-15T10:20:00Z',
          stale: true,
        }),
        aUsage('busy', { cpu_percent: 97.123, memory_used: 1.5 * gib, memory_total: 4 * gib }),
      ]),
    })
    const { stdout, stderr } = await bench.run(['top', 'nodes', '--sort', 'cpu'])
    const rows = stdout.split('\n').map((line) => line.split(/ {2,}/))
    assert.deepEqual(rows.slice(1, 4), [
      ['busy', 'online', '97.1%', '-', '1.5 GiB (38%)', '-', '-', '10s'],
      ['calm', 'online', '3.21%', '0.5', '-', '-', '-', '10m (stale)'],
      ['idle', 'offline', '-', '-', '-', '-', '-', '-'],
    ])
    assert.match(stderr, /one line is stale/)
  })

  it('shows how a node sees its peers', async () => {
    const peer = {
      peer_id: 'n_db',
      peer_hostname: 'db',
      measured_at: '2025-01-15T10:29:50Z',
      stale: false,
      ...nothing,
      ...{ handshake_age_seconds: 30, rtt_ms: 1.234, rx_bytes: 2048, packet_loss_percent: 0 },
    } as unknown as PeerUsage
    await using bench = await startBench({ 'GET /admin/v1/metrics/top/web': { items: [peer] } })
    const { stdout } = await bench.run(['top', 'peers', 'web'])
    assert.match(stdout, /^db +30s +1\.23 ms +0% +2 KiB +- +10s$/m)
    const { stdout: json } = await bench.run(['top', 'peers', 'web', '--json'])
    assert.deepEqual(JSON.parse(json), [peer])
  })
})
