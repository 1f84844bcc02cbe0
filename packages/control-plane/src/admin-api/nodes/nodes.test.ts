import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Metadata } from '@plexd/protocol'
import { createFakeClock } from '@plexd/runtime/testing'
import { openEventReader } from '../../testing/event-reader.ts'
import {
  type EnrolledNode,
  startControlPlane,
  type TestControlPlane,
} from '../../testing/harness.ts'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'

const readerOf = (plane: TestControlPlane, node: EnrolledNode) =>
  openEventReader(plane.url, { token: node.token, nodeId: node.node_id })

describe('nodes', () => {
  it('are found by id and by hostname, with what they said of themselves', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    const capabilities = { binary: { version: '1.4.2', checksum: 'sha256:ab' } }
    const web = await plane.enrol('web', { capabilities, metadata: { role: 'web' } })
    const heartbeat = { status: 'healthy', timestamp: new Date(clock.now() + 90_000).toISOString() }
    await web.api.heartbeat({ params: { node_id: web.node_id }, body: heartbeat })
    const { body } = await plane.admin.getNode({ params: { node: 'web' } })
    assert.deepEqual(body, (await plane.admin.getNode({ params: { node: web.node_id } })).body)
    assert.deepEqual(body.heartbeat, heartbeat)
    assert.deepEqual(body.capabilities, capabilities)
    assert.deepEqual(
      [body.status, body.version, body.clock_skew_seconds, body.last_seen_at],
      ['online', '1.4.2', 90, new Date(clock.now()).toISOString()],
    )
    await assert.rejects(plane.admin.getNode({ params: { node: 'nobody' } }), { status: 404 })
  })

  it('are listed by selector, in pages', async () => {
    await using plane = await startControlPlane()
    for (const name of ['a', 'b', 'c']) await plane.enrol(name, { metadata: { role: 'web' } })
    await plane.enrol('d', { metadata: { role: 'db' } })
    const list = async (query: Record<string, string>) => {
      const { body } = await plane.admin.listNodes({ query })
      return { names: body.items.map(({ hostname }) => hostname).join(), next: body.next }
    }
    assert.deepEqual(await list({ selector: 'role=web' }), { names: 'a,b,c', next: null })
    const first = await list({ selector: 'role', limit: '3' })
    assert.equal(first.names, 'a,b,c')
    assert.deepEqual(await list({ selector: 'role', after: first.next ?? '' }), {
      names: 'd',
      next: null,
    })
    assert.deepEqual(await list({ selector: 'role=none' }), { names: '', next: null })
    await assert.rejects(list({ selector: 'a b' }), { status: 400 })
  })

  it('are told of new labels, and of what these bring and take', async () => {
    await using plane = await startControlPlane()
    await plane.admin.putPolicy({
      params: { name: 'web-to-db' },
      body: { name: 'web-to-db', rules: [{ from: 'role=web', to: 'role=db', action: 'allow' }] },
    })
    await plane.admin.deletePolicy({ params: { name: 'allow-all' } })
    const db = await plane.enrol('db', { metadata: { role: 'db' } })
    const box = await plane.enrol('box')
    await plane.admin.putData({
      params: { key: 'motd' },
      body: { target: { selector: 'role=web' }, content_type: 'text/plain', payload: 'hi' },
    })
    await using dbEvents = await readerOf(plane, db)
    await using boxEvents = await readerOf(plane, box)

    const { body } = await plane.admin.setNodeMetadata({
      params: { node: 'box' },
      body: { set: { role: 'web', color: 'red' } },
    })

    assert.deepEqual(body.labels, { role: 'web', color: 'red' })
    assert.equal((await dbEvents.next('peer_added')).payload.peer_id, box.node_id)
    const { policies } = (await dbEvents.next('policy_updated')).payload as {
      policies: { rules: unknown[] }[]
    }
    assert.equal(policies[0]?.rules.length, 1)
    assert.equal((await boxEvents.next('peer_added')).payload.peer_id, db.node_id)
    const state = (await boxEvents.next('node_state_updated')).payload
    assert.deepEqual(state.metadata, { role: 'web', color: 'red' })
    assert.equal((state.data as { key: string }[])[0]?.key, 'motd')

    await plane.admin.setNodeMetadata({ params: { node: 'box' }, body: { remove: ['role'] } })
    assert.equal((await dbEvents.next('peer_removed')).payload.peer_id, box.node_id)
  })

  it('are told nothing when labels stay as they were', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web', { metadata: { a: 'b' } })
    const { body } = await plane.admin.getNode({ params: { node: 'web' } })
    const again = await plane.admin.setNodeMetadata({
      params: { node: web.node_id },
      body: { set: { a: 'b' }, remove: ['c'] },
    })
    assert.equal(again.body.revision, body.revision)
  })

  it('are refused labels beyond their bounds', async () => {
    await using plane = await startControlPlane()
    await plane.enrol('web')
    const labels: Metadata[] = [{ '': 'x' }, { a: 'x'.repeat(1_025) }]
    for (const set of labels)
      await assert.rejects(
        plane.admin.setNodeMetadata({ params: { node: 'web' }, body: { set } }),
        { status: 400 },
      )
  })

  it('leave the mesh when they are removed, and their token with them', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const db = await plane.enrol('db')
    await using events = await readerOf(plane, db)
    await plane.admin.putSecret({
      params: { key: 'k' },
      body: { target: { node_id: web.node_id }, value: 'x' },
    })
    await plane.admin.removeNode({ params: { node: 'web' } })
    assert.deepEqual((await events.next('peer_removed')).payload, {
      peer_id: web.node_id,
      id: web.node_id,
    })
    await assert.rejects(web.api.getState({ params: { node_id: web.node_id } }), { status: 401 })
    await assert.rejects(plane.admin.removeNode({ params: { node: 'web' } }), { status: 404 })
    assert.deepEqual((await plane.admin.listSecrets({})).body.items, [])
  })

  it('get fresh PSKs when another is removed by force, by one event for all', async () => {
    await using plane = await startControlPlane()
    const [web, db, lost] = [
      await plane.enrol('web'),
      await plane.enrol('db'),
      await plane.enrol('lost'),
    ]
    const pskOf = async (node: EnrolledNode, peer: EnrolledNode) =>
      (await node.api.getState({ params: node })).body.peers.find(({ id }) => id === peer.node_id)
        ?.psk
    const old = await pskOf(web, db)
    await using events = await readerOf(plane, web)
    const head = plane.app.heads.last()

    await plane.admin.removeNode({ params: { node: 'lost' }, query: { force: 'true' } })

    assert.equal((await events.next('peer_removed')).payload.peer_id, lost.node_id)
    assert.deepEqual((await events.next('resync')).payload, {
      reason: 'the PSKs of this tenant have changed',
      within: '1s',
    })
    assert.equal(plane.app.heads.last(), head + 2)
    await assert.rejects(lost.api.getState({ params: lost }), { status: 401 })
    const fresh = await pskOf(web, db)
    assert.notEqual(fresh, old)
    assert.equal(await pskOf(db, web), fresh)

    await plane.admin.removeNode({ params: { node: 'db' } })
    const cache = await plane.enrol('cache')
    assert.equal((await events.next('peer_added')).payload.psk, await pskOf(cache, web))
  })

  it('keep their fresh PSKs over a restart', async () => {
    await using folder = await makeTemporaryFolder()
    const dataDir = folder.path
    const peersAtRest = async (token: string, node_id: string) => {
      await using plane = await startControlPlane({ dataDir })
      return (await plane.clientFor(token).getState({ params: { node_id } })).body.peers
    }
    const { web, peers } = await (async () => {
      await using plane = await startControlPlane({ dataDir })
      const web = await plane.enrol('web')
      await plane.enrol('db')
      await plane.enrol('lost')
      await plane.admin.removeNode({ params: { node: 'lost' }, query: { force: 'true' } })
      return { web, peers: (await web.api.getState({ params: web })).body.peers }
    })()
    assert.equal(peers.length, 1)
    assert.deepEqual(await peersAtRest(web.token, web.node_id), peers)
  })

  it('are not asked to rotate a key when they run the Go agent, which never would, until they run another', async () => {
    await using plane = await startControlPlane()
    const go = await plane.enrol('go', { userAgent: 'plexd/1.0' })
    const ask = () => plane.admin.requestKeyRotation({ params: { node: 'go' } })
    await assert.rejects(ask(), {
      status: 409,
      message:
        'node "go" cannot rotate its key: it runs the Go agent "plexd/1.0", which never does: deregister it and enrol it anew',
    })
    const beat = (userAgent: string) =>
      plane.clientFor(go.token, userAgent).heartbeat({ params: go, body: {} })
    await beat('plexd/2.0 (node)')
    await ask()
    assert.equal((await beat('plexd/2.0 (node)')).body.rotate_keys, true)
    assert.equal((await beat('plexd/1.0')).body.rotate_keys, undefined)
  })

  it('are asked to rotate their keys until they have', async () => {
    await using plane = await startControlPlane()
    const web = await plane.enrol('web')
    const params = { node_id: web.node_id }
    await using events = await readerOf(plane, web)
    const { status } = await plane.admin.requestKeyRotation({ params: { node: 'web' } })
    assert.equal(status, 202)
    await events.next('rotate_keys')
    assert.equal((await web.api.heartbeat({ params, body: {} })).body.rotate_keys, true)
    const new_public_key = Buffer.alloc(32, 7).toString('base64')
    await web.api.rotateKeys({ body: { node_id: web.node_id, new_public_key } })
    assert.equal((await web.api.heartbeat({ params, body: {} })).body.rotate_keys, undefined)
  })
})
