import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock, until } from '@plexd/runtime/testing'
import { saveLastSeen } from '../../jobs/save-last-seen.ts'
import { openEventReader } from '../../testing/event-reader.ts'
import {
  type EnrolledNode,
  startControlPlane,
  type TestControlPlane,
} from '../../testing/harness.ts'
import { isError } from '../../testing/is-error.ts'
import { openControlPlane } from '../../testing/open-control-plane.ts'

describe('POST /v1/nodes/{node_id}/heartbeat', () => {
  const plane = openControlPlane()

  it('answers 200 with a body to everything zero, as the Go agent sends it', async () => {
    const node = await plane.enrol('go-01', { userAgent: 'plexd/dev', capabilities: null })
    const { status, body } = await node.api.heartbeat({
      params: node,
      body: {
        node_id: '',
        timestamp: '0001-01-01T00:00:00Z',
        status: '',
        uptime: '',
        binary_checksum: '',
      },
    })
    assert.equal(status, 200)
    assert.equal(typeof body, 'object')
    assert.equal(plane.app.presence.of(numberOf(plane, node)).clockSkewMs, 0)
  })

  it('names the STUN servers of the settings, and says nothing of any without them', async () => {
    const stunPublic = ['203.0.113.5:3478', 'cp2.example.com:3479']
    await using named = await startControlPlane({ config: { stunPublic } })
    const web = await named.enrol('web-01')
    const { body } = await web.api.heartbeat({ params: web, body: {} })
    assert.deepEqual(body.stun_servers, stunPublic)
    const db = await plane.enrol('db-01')
    assert.equal('stun_servers' in (await db.api.heartbeat({ params: db, body: {} })).body, false)
  })

  it('keeps what a node says does not work on it, within bounds, until it says otherwise', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    const node = await plane.enrol('ill-01')
    const said = ['a\u001b[31m\u202eb', 'x'.repeat(600), ...Array(100).fill('more')]
    const shown = async () => {
      const { items } = (await plane.admin.listNodes({ query: { limit: '1000' } })).body
      return items.find(({ id }) => id === node.node_id)
    }
    assert.equal((await shown())?.problems_said_at, null)

    await node.api.heartbeat({ params: node, body: { status: 'degraded', problems: said } })
    const ill = await shown()
    assert.deepEqual(ill?.problems, ['a?[31m?b', `${'x'.repeat(512)}…`, ...Array(14).fill('more')])

    const saidAt = new Date(clock.now()).toISOString()
    assert.deepEqual([ill?.problems_said_at, ill?.last_seen_at], [saidAt, saidAt])
    await clock.advance(30_000)
    await node.api.heartbeat({ params: node, body: { status: 'degraded', problems: said } })
    const still = await shown()
    assert.deepEqual(
      [still?.problems_said_at, still?.last_seen_at],
      [saidAt, new Date(clock.now()).toISOString()],
    )
    await node.api.heartbeat({ params: node, body: { status: 'degraded', problems: ['another'] } })
    assert.equal((await shown())?.problems_said_at, new Date(clock.now()).toISOString())

    await node.api.heartbeat({ params: node, body: { status: 'healthy' } })
    assert.deepEqual((await shown())?.problems, [])
  })

  it("takes the seed's example, and times with nanoseconds and a zone", async () => {
    const node = await plane.enrol('full-01')
    for (const timestamp of ['2025-01-15T10:30:00Z', '2025-01-15T11:30:00.123456789+01:00']) {
      const { status } = await node.api.heartbeat({
        params: node,
        body: {
          node_id: node.node_id,
          timestamp,
          status: 'healthy',
          uptime: '72h15m',
          binary_checksum: 'sha256:a1b2c3d4e5f6',
          mesh: { interface: 'plexd0', peer_count: 12, listen_port: 51820 },
          nat: { public_endpoint: '203.0.113.10:51820', type: 'full_cone' },
          bridge: { enabled: false },
        },
      })
      assert.equal(status, 200)
    }
  })

  it('refuses with 400 what is of the wrong type', async () => {
    const node = await plane.enrol('wrong-01')
    for (const body of [{ uptime: 7 }, { timestamp: 'yesterday' }, { mesh: { peer_count: -1 } }])
      await assert.rejects(
        node.api.heartbeat({ params: node, body: body as object }),
        isError(400, /: want |has no /),
      )
  })

  it('answers 401 to a token nobody has, 404 for an unknown node, 403 for another', async () => {
    const [a, b] = [await plane.enrol('auth-01'), await plane.enrol('auth-02')]
    const call = (token: string, node_id: string) =>
      plane.clientFor(token).heartbeat({ params: { node_id }, body: {} })
    await assert.rejects(call('plx_node_nobody', a.node_id), isError(401, 'unauthorized'))
    await assert.rejects(call(a.token, 'n_nobody'), isError(404, 'unknown node'))
    await assert.rejects(call(a.token, b.node_id), isError(403, /another node/))
  })

  it('marks the node online with its first call', async () => {
    const node = await plane.enrol('first-01')
    const status = () => plane.app.fleet.node(node.node_id)?.status
    assert.equal(status(), 'pending')
    await node.api.heartbeat({ params: node, body: {} })
    assert.equal(status(), 'online')
  })

  it('asks for rotate_keys until the node has rotated', async () => {
    const node = await plane.enrol('rotate-01')
    await plane.admin.requestKeyRotation({ params: { node: node.node_id } })
    const hint = async () => (await node.api.heartbeat({ params: node, body: {} })).body.rotate_keys
    assert.deepEqual([await hint(), await hint()], [true, true])
    await node.api.rotateKeys({
      body: { node_id: node.node_id, new_public_key: new Uint8Array(32).fill(7).toBase64() },
    })
    assert.equal(await hint(), undefined)
  })

  it('measures how far the clock of a node is off', async () => {
    const clock = createFakeClock(Date.UTC(2025, 0, 15))
    await using slow = await startControlPlane({ clock })
    const node = await slow.enrol('web-01')
    await node.api.heartbeat({ params: node, body: { timestamp: '2025-01-15T00:01:30Z' } })
    assert.equal(slow.app.presence.of(1).clockSkewMs, 90_000)
  })

  it('keeps when a node was last heard of over a restart', async () => {
    const clock = createFakeClock()
    await using first = await startControlPlane({ clock })
    const node = await first.enrol('web-01')
    await node.api.heartbeat({ params: node, body: {} })
    await saveLastSeen(first.app)
    const row = await first.app.store.reader
      .selectFrom('nodes')
      .select('last_seen_at')
      .executeTakeFirst()
    assert.equal(row?.last_seen_at, clock.now())
  })

  describe('asks for reconcile', () => {
    const untilFlushed = (node: EnrolledNode) =>
      until('its stream has taken all', () => {
        const { heads, presence } = plane.app
        return presence.of(numberOf(plane, node)).flushedSeq >= heads.last()
      })
    const hint = async (node: EnrolledNode) =>
      (await node.api.heartbeat({ params: node, body: {} })).body.reconcile

    it('when there is a newer state than the node has pulled, until it pulls it', async () => {
      const [node, peer] = [await plane.enrol('poll-01'), await plane.enrol('poll-02')]
      assert.equal(await hint(node), true)
      await node.api.getState({ params: node })
      assert.equal(await hint(node), undefined)
      await move(peer, 1)
      assert.deepEqual([await hint(node), await hint(node)], [true, true])
      const { headers } = await node.api.getState({ params: node })
      assert.equal(await hint(node), undefined)
      await node.api.getState({ params: node, headers: { 'if-none-match': headers.etag ?? '' } })
      assert.equal(await hint(node), undefined)
    })

    it('not of a node whose stream brings it everything', async () => {
      const [node, peer] = [await plane.enrol('stream-01'), await plane.enrol('stream-02')]
      const { body } = await node.api.getState({ params: node })
      await using reader = await openEventReader(plane.url, {
        token: node.token,
        nodeId: node.node_id,
        lastEventId: body.revision ?? '',
      })
      await move(peer, 2)
      await reader.next()
      await untilFlushed(node)
      assert.equal(await hint(node), undefined)
    })

    it('of a Go node in spite of its stream: it acts on no event', async () => {
      const go = await plane.enrol('go-02', { userAgent: 'plexd/1.4.2', capabilities: null })
      const peer = await plane.enrol('go-03')
      await go.api.getState({ params: go })
      await using reader = await openEventReader(plane.url, { token: go.token, nodeId: go.node_id })
      await move(peer, 3)
      await reader.next('peer_endpoint_changed')
      await untilFlushed(go)
      assert.equal(await hint(go), true)
      await go.api.getState({ params: go })
      assert.equal(await hint(go), undefined)
    })

    it('of a node whose stream began behind what it has pulled', async () => {
      const [node, peer] = [await plane.enrol('gap-01'), await plane.enrol('gap-02')]
      await node.api.getState({ params: node })
      await move(peer, 4)
      await using reader = await openEventReader(plane.url, {
        token: node.token,
        nodeId: node.node_id,
      })
      await move(peer, 5)
      await reader.next()
      await untilFlushed(node)
      assert.equal(await hint(node), true)
    })

    it('of a node that came back with an older cursor than was sent to it', async () => {
      const [node, peer] = [await plane.enrol('lost-01'), await plane.enrol('lost-02')]
      const { body } = await node.api.getState({ params: node })
      const { app } = plane
      await move(peer, 6)
      // As if the events had been sent, and the node had died before it kept them.
      app.presence.flushed(numberOf(plane, node), app.heads.last())
      assert.equal(await hint(node), undefined)
      app.presence.streamOpened(numberOf(plane, node), {
        cursorSeq: Number(body.revision?.split('-')[1]),
        headSeq: app.heads.last(),
      })
      assert.equal(await hint(node), true)
    })
  })
})

function numberOf({ app }: TestControlPlane, { node_id }: EnrolledNode): number {
  return app.fleet.node(node_id)?.no ?? 0
}

async function move(node: EnrolledNode, port: number): Promise<void> {
  await node.api.putEndpoint({ params: node, body: { public_endpoint: `203.0.113.2:${port}` } })
}
