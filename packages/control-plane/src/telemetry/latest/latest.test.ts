import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLatest } from './latest.ts'

const startMs = Date.UTC(2025, 0, 15)
const arrived = (seconds: number, ...points: { group: string; data: object; at?: number }[]) => ({
  kind: 'metrics' as const,
  source: { tenant_id: 't', node_id: 'n_web' },
  received_at: startMs + seconds * 1_000,
  firstId: 1,
  records: points.map(({ at = seconds, ...point }) =>
    JSON.stringify({ ...point, timestamp: new Date(startMs + at * 1_000).toISOString() }),
  ),
})
const cpu = (cpu_percent: unknown) => ({ group: 'node_resources', data: { cpu_percent } })
const loss = (packet_loss_percent: number) => ({
  group: 'tunnel_health',
  data: { packet_loss_percent },
})

describe('the last values of nodes', () => {
  it('are those that were measured last, whatever comes last', () => {
    const latest = createLatest()
    const value = () => latest.of('n_web', 'node_resources.cpu_percent')
    assert.equal(value(), undefined)
    latest.follow(arrived(30, cpu(5)))
    latest.follow(arrived(31, { ...cpu(50), at: 15 }))
    assert.deepEqual(value(), { value: 5, atMs: startMs + 30_000 })
    latest.follow(arrived(45, cpu('7'), { group: 'shop', data: { x: 1 } }))
    assert.equal(value()?.value, 5)
    assert.equal(latest.allOf('n_web').size, 1)
    latest.forget('n_web')
    assert.equal(value(), undefined)
  })

  it('are not measured later than they come: a clock that is ahead would keep its values for ever', () => {
    const latest = createLatest()
    latest.follow(arrived(0, { ...cpu(5), at: 1e9 }))
    latest.follow(arrived(15, cpu(6)))
    assert.equal(latest.of('n_web', 'node_resources.cpu_percent')?.value, 6)
  })

  it('are the worst of the last minute where each peer has one', () => {
    const latest = createLatest()
    const value = () => latest.of('n_web', 'tunnel_health.packet_loss_percent')?.value
    latest.follow(arrived(0, loss(0), loss(100), loss(5)))
    assert.equal(value(), 100)
    latest.follow(arrived(15, loss(0), loss(0)))
    assert.equal(value(), 100)
    latest.follow(arrived(75, loss(0), loss(1)))
    assert.equal(value(), 1)
  })
})
