import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { adminApi, controlApi } from '@plexd/protocol'
import { startControlPlane } from '../testing/harness.ts'
import { openControlPlane } from '../testing/open-control-plane.ts'

describe('monitoring and documentation', () => {
  const plane = openControlPlane()
  before(async () => {
    await plane.enrol('web')
  })
  const get = (path: string) => fetch(plane.url + path)

  it('says that it is alive and ready', async () => {
    for (const [path, body] of [
      ['/health', { status: 'ok' }],
      ['/healthz', { status: 'ok' }],
      ['/readyz', { status: 'ready' }],
      ['/v1/ping', {}],
    ] as const) {
      const answer = await get(path)
      assert.equal(answer.status, 200)
      assert.deepEqual(await answer.json(), body)
    }
  })

  it('counts for Prometheus, and names nobody', async () => {
    const answer = await get('/metrics')
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=/)
    const text = await answer.text()
    for (const line of [
      /^plexd_nodes\{status="pending"\} 1$/m,
      /^plexd_event_streams_open 0$/m,
      /^plexd_events_delivered_total 0$/m,
      /^plexd_http_request_duration_seconds_count\{operation="register",status="201"\} 1$/m,
      /^plexd_commit_group_size_count [1-9]/m,
      /^plexd_event_loop_lag_p99_seconds /m,
    ])
      assert.match(text, line)
    const { id } = (await plane.admin.getNode({ params: { node: 'web' } })).body
    assert.ok(!text.includes(id) && !text.includes('"web"'))
  })

  it('has metrics that keep to the rules of Prometheus', async () => {
    const lines = (await (await get('/metrics')).text()).split('\n')
    const typeOf = new Map(
      lines.flatMap((line) => {
        const [, name = '', type = ''] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? []
        return name === '' ? [] : [[name, type] as const]
      }),
    )
    for (const [name, type] of typeOf)
      assert.equal(type === 'counter', name.endsWith('_total'), `${name} is a ${type}`)
    const quantiles = lines.filter((line) => line.includes('quantile='))
    for (const line of quantiles)
      assert.equal(typeOf.get(line.split('{')[0] ?? ''), 'summary', line)
  })

  it('describes every operation that it serves', async () => {
    const document = (await (await get('/openapi.json')).json()) as {
      openapi: string
      servers: { url: string }[]
      paths: Record<string, Record<string, { operationId: string }>>
      components: { schemas: object }
    }
    assert.equal(document.openapi, '3.1.0')
    assert.deepEqual(document.servers, [{ url: plane.url }])
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    )
    for (const name of [...Object.keys(controlApi), ...Object.keys(adminApi)])
      assert.ok(ids.includes(name))
    assert.ok('Peer' in document.components.schemas)
    for (const [, name] of JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g))
      assert.ok(name !== undefined && name in document.components.schemas)
  })

  it('serves its metrics elsewhere only, where that is asked for', async () => {
    // Nobody else is on an address of the loopback network that is made up.
    const host = `127.${1 + (process.pid % 250)}.${1 + (Date.now() % 250)}.1`
    await using apart = await startControlPlane({ config: { metrics: { host, port: 9_101 } } })
    const beside = `http://${host}:9101`
    assert.equal((await fetch(`${apart.url}/metrics`)).status, 404)
    assert.equal((await fetch(`${beside}/metrics`)).status, 200)
    assert.equal((await fetch(`${beside}/readyz`)).status, 200)
    assert.equal((await fetch(`${beside}/admin/v1/nodes`)).status, 404)
  })

  it('tells nobody on the way to keep what is for one caller', async () => {
    const { node_id, api } = await plane.enrol('secretive')
    const answer = await api.getState({ params: { node_id } })
    assert.equal(answer.headers['cache-control'], 'no-store')
    assert.equal((await get('/openapi.json')).headers.get('cache-control'), null)
  })

  it('has a page for people, which runs nothing', async () => {
    const answer = await get('/docs')
    assert.match(answer.headers.get('content-type') ?? '', /^text\/html/)
    assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/)
    assert.match(await answer.text(), /\/v1\/register/)
  })
})
