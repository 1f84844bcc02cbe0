import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { arrivedFactsOf } from '../packs/matcher.ts'
import { createLatest } from './latest.ts'
import { createPrograms } from './programs.ts'

const startMs = Date.UTC(2025, 0, 15)
interface Point {
  group: string
  data: object
  at?: number
}
const arrived = (seconds: number, ...points: Point[]) => arrivedFrom('n_web', seconds, ...points)
const arrivedFrom = (node_id: string, seconds: number, ...points: Point[]) => ({
  kind: 'metrics' as const,
  source: { tenant_id: 't', node_id },
  received_at: startMs + seconds * 1_000,
  facts: points.map(({ at = seconds, ...point }) =>
    arrivedFactsOf(
      'metrics',
      JSON.stringify({ ...point, timestamp: new Date(startMs + at * 1_000).toISOString() }),
    ),
  ),
})
const cpu = (cpu_percent: unknown) => ({ group: 'node_resources', data: { cpu_percent } })
const loss = (packet_loss_percent: number) => ({
  group: 'tunnel_health',
  data: { packet_loss_percent },
})

describe('the last values of nodes', () => {
  it('are those that were measured last, whatever comes last', () => {
    const latest = createLatest(
      createPrograms(() => ({ node_program_series: 3, tenant_program_series: 4 })),
    )
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

  it('are none of a node that is gone, whatever comes of it late', () => {
    const ids = new Set(['n_web', 'n_db'])
    const isNode = (id: string) => ids.has(id)
    const programs = createPrograms(
      () => ({ node_program_series: 3, tenant_program_series: 1 }),
      isNode,
    )
    const latest = createLatest(programs, isNode)
    const shop = { group: 'shop', data: { orders: 1 } }
    latest.follow(arrived(0, cpu(5), shop))
    ids.delete('n_web')
    latest.forget('n_web')
    latest.follow(arrived(1, cpu(6), shop))
    assert.equal(latest.allOf('n_web').size + latest.programs.of('n_web').size, 0)
    latest.follow(arrivedFrom('n_db', 2, shop))
    assert.equal(latest.programs.of('n_db').size, 1, 'it takes no room of its tenant')
  })

  it('are not measured later than they come: a clock that is ahead would keep its values for ever', () => {
    const latest = createLatest(
      createPrograms(() => ({ node_program_series: 3, tenant_program_series: 4 })),
    )
    latest.follow(arrived(0, { ...cpu(5), at: 1e9 }))
    latest.follow(arrived(15, cpu(6)))
    assert.equal(latest.of('n_web', 'node_resources.cpu_percent')?.value, 6)
  })

  it('are the worst of the last minute where each peer has one', () => {
    const latest = createLatest(
      createPrograms(() => ({ node_program_series: 3, tenant_program_series: 4 })),
    )
    const value = () => latest.of('n_web', 'tunnel_health.packet_loss_percent')?.value
    latest.follow(arrived(0, loss(0), loss(100), loss(5)))
    assert.equal(value(), 100)
    latest.follow(arrived(15, loss(0), loss(0)))
    assert.equal(value(), 100)
    latest.follow(arrived(75, loss(0), loss(1)))
    assert.equal(value(), 1)
  })

  it('are those of programs too, as many series as there is room for: what has none is counted', () => {
    const latest = createLatest(
      createPrograms(() => ({ node_program_series: 3, tenant_program_series: 4 })),
    )
    const orders = (...shops: string[]) => ({
      group: 'shop',
      data: Object.fromEntries(shops.map((shop, index) => [`orders{shop="${shop}"}`, index])),
    })
    const keys = (node: string) =>
      Array.from(latest.programs.of(node).values(), (series) => [...series.keys()]).flat()
    latest.follow(arrived(0, orders('a', 'b', 'c', 'd'), { group: 'x y', data: { z: 1 } }))
    assert.deepEqual(
      keys('n_web'),
      ['a', 'b', 'c'].map((shop) => `shop.orders{shop="${shop}"}`),
    )
    const atMs = startMs
    const series = 'shop.orders{shop="d"}'
    assert.deepEqual(latest.programs.leftOut('n_web'), {
      values: 1,
      series,
      limit: 'node_program_series',
      atMs,
    })
    latest.follow(arrivedFrom('n_db', 0, orders('a', 'b')))
    assert.equal(keys('n_db').length, 1)
    assert.equal(latest.programs.leftOut('n_db')?.limit, 'tenant_program_series')
    // Those that nothing came of for an hour make room; so does a node that is gone.
    latest.follow(arrived(3_599, orders('a')))
    latest.follow(arrivedFrom('n_db', 3_700, orders('a', 'b', 'c')))
    assert.deepEqual([keys('n_web').length, keys('n_db').length], [1, 3])
    latest.forget('n_db')
    latest.follow(arrived(3_701, orders('a', 'b', 'c')))
    assert.equal(keys('n_web').length, 3)
  })
})
