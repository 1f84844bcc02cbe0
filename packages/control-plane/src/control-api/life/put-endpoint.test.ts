import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type EndpointReport, revisionHeader } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock, until } from '@plexd/runtime/testing'
import type { LoggedEvent } from '../../rows/log/events.ts'
import { openEventReader } from '../../testing/event-reader.ts'
import {
  type EnrolledNode,
  startControlPlane,
  type TestControlPlane,
  withControlPlane,
} from '../../testing/harness.ts'
import { isError } from '../../testing/is-error.ts'
import { openControlPlane } from '../../testing/open-control-plane.ts'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'

describe('PUT /v1/nodes/{node_id}/endpoint', () => {
  const plane = openControlPlane()

  it('answers with the endpoints of the peers, and tells them its own', async () => {
    await using own = await startControlPlane()
    const [web, db] = [await own.enrol('web-01'), await own.enrol('db-01')]
    await own.enrol('silent-01')
    await put(db, '198.51.100.5:51820')
    await using reader = await openEventReader(own.url, { token: db.token, nodeId: db.node_id })

    const { status, body } = await web.api.putEndpoint({
      params: web,
      body: {
        public_endpoint: '203.0.113.10:51820',
        nat_type: 'full_cone',
        local_endpoints: ['192.168.1.2:51820'],
      },
    })

    assert.equal(status, 200)
    assert.deepEqual(body, {
      peer_endpoints: [{ peer_id: db.node_id, endpoint: '198.51.100.5:51820' }],
    })
    const { payload } = await reader.next('peer_endpoint_changed')
    assert.deepEqual(payload, {
      id: web.node_id,
      hostname: 'web-01',
      peer_id: web.node_id,
      public_key: web.publicKey,
      mesh_ip: web.mesh_ip,
      endpoint: '203.0.113.10:51820',
      allowed_ips: [`${web.mesh_ip}/32`],
      status: 'online',
      nat_type: 'full_cone',
      local_endpoints: ['192.168.1.2:51820'],
    })
    assert.equal(own.app.fleet.node(web.node_id)?.nat_type, 'full_cone')
  })

  it('answers without peers to who names the newest revision, and with them to who has an older one', async () => {
    await using own = await startControlPlane()
    const [web, db] = [await own.enrol('web-01'), await own.enrol('db-01')]
    const { body: state } = await web.api.getState({ params: web })
    const report = async () => {
      const { body } = await web.api.putEndpoint({
        params: web,
        headers: { [revisionHeader]: state.revision ?? '' },
        body: { public_endpoint: '203.0.113.10:51820' },
      })
      return body.peer_endpoints.map(({ endpoint }) => endpoint)
    }
    assert.deepEqual(await report(), [])
    await put(db, '198.51.100.5:51820')
    assert.deepEqual(await report(), ['198.51.100.5:51820'])
  })

  it('tells nobody of an endpoint that is the same, and all of another NAT type', async () => {
    const [web] = [await plane.enrol('same-01'), await plane.enrol('same-02')]
    await put(web, '203.0.113.10:1')
    const head = plane.app.heads.last()
    await put(web, '203.0.113.10:1')
    assert.equal(plane.app.heads.last(), head)
    await web.api.putEndpoint({
      params: web,
      body: { public_endpoint: '203.0.113.10:1', nat_type: 'symmetric' },
    })
    assert.notEqual(plane.app.heads.last(), head)
    assert.equal(plane.app.fleet.node(web.node_id)?.nat_type, 'symmetric')
  })

  it('tells nobody whom policy does not let see the node', async () => {
    await using own = await startControlPlane()
    const [web, db] = [await own.enrol('web-01'), await own.enrol('db-01')]
    await own.admin.deletePolicy({ params: { name: 'allow-all' } })
    const events = eventsFromNowOn(own)
    assert.deepEqual((await put(web, '203.0.113.10:2')).body, { peer_endpoints: [] })
    await put(db, '203.0.113.10:3')
    assert.deepEqual(events, [])
  })

  it('believes a node that no STUN server answers to be where its requests come from, unless a NAT is between', async () => {
    const web = await plane.enrol('seen-01')
    const endpointWith = async (local_endpoints: string[]) => {
      await web.api.putEndpoint({ params: web, body: { public_endpoint: '', local_endpoints } })
      return plane.app.fleet.node(web.node_id)?.endpoint
    }
    assert.equal(await endpointWith(['192.168.1.2:51820', '127.0.0.1:51820']), '127.0.0.1:51820')
    assert.equal(await endpointWith(['192.168.1.2:51820', '127.0.0.10:51820']), '')
    assert.equal(await endpointWith([]), '')
  })

  it('leaves out where no peer can reach a node, takes the rest, and says so', async () => {
    const warned: unknown[] = []
    await using own = await startControlPlane({
      config: { publicUrl: 'https://plexd.example.com' },
      log: { ...silentLog, warn: (message, fields) => warned.push([message, fields?.hostname]) },
    })
    const web = await own.enrol('web-01')
    for (const [endpoint, why] of [
      [`${web.mesh_ip}:51820`, /inside the mesh, 10\.100\.0\.0\/16/],
      ['[fe80::1%eth0]:1', /link-local/],
      ['0.0.0.0:51820', /no host/],
      ['127.0.0.1:51820', /loopback/],
      ['[::1]:51820', /loopback/],
      ['224.0.0.1:51820', /multicast/],
      ['255.255.255.255:51820', /broadcast/],
      ['203.0.113.10:00080', /port/],
      [`[::ffff:${web.mesh_ip}]:51820`, /form of IPv6/],
      ['[fec0::1]:51820', /reserved/],
      ['example.com:51820', /no address/],
    ] as const) {
      const report = async (body: EndpointReport) => {
        const { left_out } = (await web.api.putEndpoint({ params: web, body })).body
        const { endpoint, local_endpoints } = own.app.fleet.node(web.node_id) ?? {}
        return { left_out, endpoint, local_endpoints }
      }
      const near = ['192.168.1.2:1']
      const asPublic = await report({ public_endpoint: endpoint, local_endpoints: near })
      assert.deepEqual([asPublic.endpoint, asPublic.local_endpoints], ['', near])
      assert.match(String(asPublic.left_out), why)
      // Agents that are told of local endpoints send nothing of WireGuard into the mesh.
      if (endpoint === `${web.mesh_ip}:51820`) continue
      const public_endpoint = '203.0.113.10:1'
      const asLocal = await report({ public_endpoint, local_endpoints: [...near, endpoint] })
      assert.deepEqual([asLocal.endpoint, asLocal.local_endpoints], [public_endpoint, near])
      assert.match(
        String(asLocal.left_out),
        /^local_endpoints\[1\] ".*": .*: want an address and a port/,
      )
    }
    // Nor where its requests come from, though it says that it has that address.
    const { body } = await web.api.putEndpoint({
      params: web,
      body: { public_endpoint: '', local_endpoints: ['127.0.0.1:51820'] },
    })
    assert.match(String(body.left_out), /loopback/)
    assert.equal(own.app.fleet.node(web.node_id)?.endpoint, '')

    warned.length = 0
    await put(web, '0.0.0.0:1')
    await put(web, '0.0.0.0:1')
    assert.deepEqual(warned, [['endpoints of a node are left out', 'web-01']])
  })

  it('tells of five changes at once and of the last of all others at its turn, while who asks hears of each', async () => {
    const clock = createFakeClock()
    await using own = await startControlPlane({ clock })
    const [web, db] = [await own.enrol('web-01'), await own.enrol('db-01')]
    await using reader = await openEventReader(own.url, { token: db.token, nodeId: db.node_id })
    for (let port = 1; port <= 5; port++) await put(web, `203.0.113.10:${port}`)
    const events = eventsFromNowOn(own)

    for (let port = 6; port <= 40; port++) {
      assert.equal((await put(web, `203.0.113.10:${port}`)).status, 200)
      const { body } = await put(db, '198.51.100.5:1')
      assert.deepEqual(body.peer_endpoints, [
        { peer_id: web.node_id, endpoint: `203.0.113.10:${port}` },
      ])
    }
    const { body: state } = await db.api.getState({ params: db })
    assert.equal(state.peers?.[0]?.endpoint, '203.0.113.10:40')
    // One of these is the first endpoint of db-01.
    assert.equal(events.length, 1)

    await clock.advance(10_500)
    const told = []
    while (told.length < 6) told.push((await reader.next('peer_endpoint_changed')).payload)
    assert.deepEqual(
      told.map((payload) => payload.endpoint),
      [1, 2, 3, 4, 5, 40].map((port) => `203.0.113.10:${port}`),
    )
    await clock.advance(60_000)
    assert.equal(events.length, 2)
  })

  it('tells after a restart what it had yet to tell', async () => {
    await using folder = await makeTemporaryFolder()
    const node = await withControlPlane(folder.path, async (plane) => {
      const [web] = [await plane.enrol('web-01'), await plane.enrol('db-01')]
      for (let port = 1; port <= 8; port++) await put(web, `203.0.113.10:${port}`)
      return web
    })
    await withControlPlane(folder.path, async ({ app }) => {
      const lastEvent = () =>
        app.store.reader
          .selectFrom('events')
          .select('payload')
          .orderBy('seq', 'desc')
          .executeTakeFirstOrThrow()
      const isTold = async () => (await lastEvent()).payload.includes('203.0.113.10:8')
      await until('the last move is told', isTold)
      assert.equal(app.fleet.node(node.node_id)?.endpoint, '203.0.113.10:8')
      assert.equal(app.fleet.node(node.node_id)?.endpoint_untold, false)
    })
  })

  it('takes IPv6 and the empty endpoint', async () => {
    const web = await plane.enrol('six-01')
    for (const endpoint of ['[2001:db8::1]:51820', ''])
      assert.equal((await put(web, endpoint)).status, 200)
  })

  it('takes for no endpoint what is no address and port, and for an unknown NAT type one that only newer versions know', async () => {
    const web = await plane.enrol('bad-01')
    for (const endpoint of [
      '203.0.113.10',
      '203.0.113.10:0',
      '203.0.113.10:65536',
      '203.0.113.256:1',
      'example.com:51820',
      '2001:db8::1:51820',
      '[203.0.113.10]:51820',
      '203.0.113.10:51820\n',
    ]) {
      assert.match(String((await put(web, endpoint)).body.left_out), /^public_endpoint /)
      assert.equal(plane.app.fleet.node(web.node_id)?.endpoint, '')
    }
    await assert.rejects(put(web, 'x'.repeat(301)), isError(400, /^public_endpoint /))
    const body = { public_endpoint: '203.0.113.10:1', nat_type: 'odd' }
    await web.api.putEndpoint({ params: web, body })
    assert.equal(plane.app.fleet.node(web.node_id)?.nat_type, 'unknown')
  })

  it('answers 401, 403 and 404 to the wrong caller', async () => {
    const [a, b] = [await plane.enrol('a'), await plane.enrol('b')]
    const call = (token: string, node_id: string) =>
      plane
        .clientFor(token)
        .putEndpoint({ params: { node_id }, body: { public_endpoint: '203.0.113.10:1' } })
    await assert.rejects(call('nobody', a.node_id), isError(401, 'unauthorized'))
    await assert.rejects(call(a.token, b.node_id), isError(403, /another node/))
    await assert.rejects(call(a.token, 'n_nobody'), isError(404, 'unknown node'))
  })
})

function put(node: EnrolledNode, public_endpoint: string) {
  return node.api.putEndpoint({ params: node, body: { public_endpoint } })
}

function eventsFromNowOn({ app }: TestControlPlane): LoggedEvent[] {
  const seen: LoggedEvent[] = []
  app.commits.follow(({ events }) => seen.push(...events))
  return seen
}
