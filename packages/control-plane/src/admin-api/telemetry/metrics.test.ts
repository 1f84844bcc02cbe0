import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock, until } from '@plexd/runtime/testing'
import { type EnrolledNode, startControlPlane } from '../../testing/harness.ts'
import { isError } from '../../testing/is-error.ts'

const clock = createFakeClock()
const nowMs = clock.now()
const aPoint = (seconds: number, group: string, data: object, peer_id?: string) => ({
  timestamp: new Date(nowMs - seconds * 1_000).toISOString(),
  group,
  data,
  ...(peer_id === undefined ? {} : { peer_id }),
})
const send = (node: EnrolledNode, ...body: object[]) =>
  node.api.sendMetrics({ params: node, body: Buffer.from(JSON.stringify(body)) })

describe('what nodes measure', () => {
  it('is shown as it was last, also of a Go node, and marked when that is long ago', async () => {
    await using plane = await startControlPlane({ clock })
    const [web, go] = [await plane.enrol('web'), await plane.enrol('go')]
    await plane.enrol('silent')
    await send(
      web,
      aPoint(20, 'node_resources', { cpu_percent: 9 }),
      aPoint(5, 'node_resources', { cpu_percent: 1 / 3, memory_used: 5 }),
    )
    await send(go, aPoint(300, 'system', { cpu_usage_percent: 7 }))
    const { items } = (await plane.admin.topNodes({})).body
    const shown = items.map((item) => [
      item.node_hostname,
      item.cpu_percent,
      item.memory_used,
      item.stale,
    ])
    assert.deepEqual(shown, [
      ['web', 0.333333333333333, 5, false],
      ['go', 7, null, true],
      ['silent', null, null, true],
    ])
    assert.deepEqual(
      [items[0]?.measured_at, items[2]?.measured_at],
      [new Date(nowMs - 5_000).toISOString(), null],
    )
  })

  it('is shown of each peer, with the newest of each value', async () => {
    await using plane = await startControlPlane({ clock })
    const [web, db] = [await plane.enrol('web'), await plane.enrol('db')]
    await send(
      web,
      aPoint(30, 'tunnel_health', { handshake_age_seconds: 1, rx_bytes: 7 }, db.node_id),
      aPoint(15, 'tunnel_health', { handshake_age_seconds: 16 }, db.node_id),
      aPoint(15, 'peer_latency', { rtt_ms: 1.5 }, db.node_id),
      aPoint(15, 'latency', { rtt_nano: 2e6 }, 'n_gone'),
    )
    const { items } = (await plane.admin.topPeers({ params: { node: 'web' } })).body
    const shown = items.map((peer) => [
      peer.peer_hostname,
      peer.handshake_age_seconds,
      peer.rx_bytes,
      peer.rtt_ms,
    ])
    assert.deepEqual(shown, [
      ['', null, null, 2],
      ['db', 16, 7, 1.5],
    ])
  })

  it('is read over time, from points or from what is kept for long; of a counter how it grows', async () => {
    await using plane = await startControlPlane({ clock })
    const [web, db] = [await plane.enrol('web'), await plane.enrol('db')]
    const points = [400, 385, 100].map((seconds) =>
      aPoint(seconds, 'node_resources', {
        cpu_percent: seconds,
        network_rx_bytes: (500 - seconds) * 10,
      }),
    )
    await send(
      web,
      ...points,
      aPoint(5, 'shop', { orders: 3 }),
      aPoint(5, 'scrape.127.0.0.1:9100', {
        up: 1,
        'req{path="/a b",code="200"}': 4,
        'req{code="500"}': 5,
      }),
      aPoint(5, 'peer_latency', { rtt_ms: 3 }, db.node_id),
    )
    await send(db, ...points.slice(0, 1))
    const query = async (query: { name: string; [key: string]: string }) =>
      (await plane.admin.queryMetrics({ query })).body

    const fine = await query({ name: 'cpu_percent', node: 'web', agg: 'max' })
    assert.deepEqual(
      [fine.name, fine.unit, fine.step_seconds],
      ['node_resources.cpu_percent', 'percent', 15],
    )
    assert.deepEqual(
      fine.series[0]?.points.map(({ value }) => value),
      [400, 385, 100],
    )
    const coarse = await until('the series', async () => {
      const all = await query({ name: 'cpu_percent', since: '24h', step: '1h' })
      return all.series.length === 2 && all
    })
    assert.deepEqual(
      coarse.series.map(({ node_hostname, points }) => [
        node_hostname,
        points.map(({ value }) => value),
      ]),
      [
        ['web', [295]],
        ['db', [400]],
      ],
    )
    const rates = await query({ name: 'network_rx_bytes', node: 'web' })
    assert.equal(rates.unit, 'bytes per second')
    assert.deepEqual(
      rates.series[0]?.points.map(({ value }) => value),
      [10, 10],
    )
    const [rtt] = (await query({ name: 'rtt_ms' })).series
    assert.deepEqual(
      [rtt?.peer_id, rtt?.peer_hostname, rtt?.points[0]?.value],
      [db.node_id, 'db', 3],
    )
    assert.equal((await query({ name: 'shop.orders' })).series[0]?.points[0]?.value, 3)
    const scraped = await query({ name: 'scrape.127.0.0.1:9100.up' })
    assert.equal(scraped.series[0]?.points[0]?.value, 1)
    const labels = async (name: string, step?: string) =>
      (await query({ name, ...(step === undefined ? {} : { step }) })).series.map(
        (one) => one.labels,
      )
    const [listed] = (await plane.admin.listProgramMetrics({ query: { node: 'web' } })).body.items
    assert.deepEqual(
      listed?.metrics.map(({ name, type, series, labels }) => [name, type, series, labels]),
      [
        ['scrape.127.0.0.1:9100.req', 'gauge', 2, { code: ['200', '500'], path: ['/a b'] }],
        ['scrape.127.0.0.1:9100.up', 'gauge', 1, {}],
        ['shop.orders', 'gauge', 1, {}],
      ],
    )
    assert.deepEqual(
      (await plane.admin.listProgramMetrics({ query: { node: 'db' } })).body.items,
      [],
    )
    for (const step of [undefined, '5m']) {
      assert.deepEqual(await labels('req', step), [{ code: '200', path: '/a b' }, { code: '500' }])
      assert.deepEqual(await labels('scrape.127.0.0.1:9100.req{code=500}', step), [{ code: '500' }])
      assert.deepEqual(await labels('req{path!=""}', step), [{ code: '200', path: '/a b' }])
    }

    await assert.rejects(
      query({ name: 'cpu_percnt' }),
      isError(400, /there is none of this name: did you mean "cpu_percent"/),
    )
    await assert.rejects(
      query({ name: 'cpu_p' }),
      isError(400, /mean "node_resources\.cpu_percent"\?/),
    )
    await assert.rejects(query({ name: 'rx_bytes', step: '1s' }), isError(400, /step "1s"/))
    await assert.rejects(
      query({ name: 'uptime_seconds' }),
      isError(400, /say node_resources\.uptime_seconds or agent_stats/),
    )
    await assert.rejects(
      query({ name: 'load_1', since: '48h', until: '72h' }),
      isError(400, /since "48h" is not before/),
    )
    await assert.rejects(
      query({ name: 'load_1', since: '40000h', step: '5m' }),
      isError(400, /more than 50000 values/),
    )
  })
})
