import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { type EventReader, openEventReader } from '../testing/event-reader.ts'
import { type EnrolledNode, startControlPlane, type TestControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'

describe('a node that goes silent', () => {
  it('is unreachable to its peers after 3 heartbeats, gone after 10, and back with the next', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock })
    const [web, db] = [await plane.enrol('web-01'), await plane.enrol('db-01')]
    await beat(web)
    await beat(db)
    await using reader = await open(plane, db)
    const minutes = async (count: number): Promise<void> => {
      for (let half = 0; half < 2 * count; half++) {
        await clock.advance(30_000)
        await beat(db)
      }
    }

    await minutes(1)
    assert.equal(reader.blocks.length, 0)
    await minutes(0.5)
    const unreachable = await reader.next()
    assert.equal(unreachable.envelope.event_type, 'peer_endpoint_changed')
    assert.equal(unreachable.payload.status, 'unreachable')
    assert.equal(unreachable.payload.public_key, web.publicKey)
    assert.equal((await peersOf(db))[0]?.status, 'unreachable')

    await beat(web)
    const back = await reader.next()
    assert.equal(back.envelope.event_type, 'peer_endpoint_changed')
    assert.equal(back.payload.status, 'online')

    await minutes(5)
    assert.equal((await reader.next()).payload.status, 'unreachable')
    const removed = await reader.next()
    assert.equal(removed.envelope.event_type, 'peer_removed')
    assert.deepEqual(removed.payload, { peer_id: web.node_id, id: web.node_id })
    assert.deepEqual(await peersOf(db), [])
    assert.equal((await plane.admin.getNode({ params: { node: 'web-01' } })).body.status, 'offline')

    await beat(web)
    const added = await reader.next()
    assert.equal(added.envelope.event_type, 'peer_added')
    assert.equal(added.payload.psk, (await peersOf(db))[0]?.psk)
    assert.ok(reader.blocks.every(({ envelope }) => envelope.event_type !== 'policy_updated'))
  })

  it('tells its peers nothing more while it is offline', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock, config: { heartbeatIntervalMs: 1_000 } })
    const [web, db] = [await plane.enrol('web-01'), await plane.enrol('db-01')]
    await beat(web)
    for (let second = 0; second < 11; second++) {
      await clock.advance(1_000)
      await beat(db)
    }
    assert.equal(plane.app.fleet.node(web.node_id)?.status, 'offline')
    const head = plane.app.heads.of(2)

    await web.api.putEndpoint({ params: web, body: { public_endpoint: '203.0.113.1:1' } })
    assert.equal(plane.app.heads.of(2), head)
    await beat(web)
    assert.equal((await peersOf(db))[0]?.endpoint, '203.0.113.1:1')
  })

  it('loses its stream when it is offline: the other end is most likely gone', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock, config: { heartbeatIntervalMs: 1_000 } })
    const web = await plane.enrol('web-01')
    await using reader = await open(plane, web)
    await clock.advance(11_000)
    await reader.ended
  })

  for (const stepMs of [600_000, -600_000])
    it(`is judged by the time that passed when the clock is set by ${stepMs / 1_000} s`, async () => {
      const clock = createFakeClock()
      await using plane = await startControlPlane({ clock, config: { heartbeatIntervalMs: 1_000 } })
      const [web, db] = [await plane.enrol('web-01'), await plane.enrol('db-01')]
      const status = ({ node_id }: EnrolledNode) => plane.app.fleet.node(node_id)?.status
      await beat(web)
      await beat(db)
      await clock.advance(1_000)

      clock.step(stepMs)
      for (let second = 0; second < 8; second++) {
        await clock.advance(1_000)
        await beat(web)
      }
      assert.deepEqual([status(web), status(db)], ['online', 'unreachable'])
      await clock.advance(1_500)
      assert.deepEqual([status(web), status(db)], ['online', 'offline'])
      const { body } = await plane.admin.getNode({ params: { node: 'web-01' } })
      assert.equal(body.last_seen_at, new Date(clock.now() - 1_500).toISOString())
    })

  it('was not silent while the control plane was stopped, and has its whole time behind it', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock, config: { heartbeatIntervalMs: 1_000 } })
    const [web, db] = [await plane.enrol('web-01'), await plane.enrol('db-01')]
    const status = ({ node_id }: EnrolledNode) => plane.app.fleet.node(node_id)?.status
    await beat(web)
    await beat(db)
    await clock.advance(2_000)

    clock.stall(12_000)
    await clock.advance(2_000)
    assert.deepEqual([status(web), status(db)], ['online', 'online'])
    for (let second = 0; second < 9; second++) {
      await beat(web)
      await clock.advance(1_000)
    }
    assert.deepEqual([status(web), status(db)], ['online', 'offline'])
  })

  it('has a full grace period after a restart of the control plane', async () => {
    const clock = createFakeClock()
    await using folder = await makeTemporaryFolder()
    const before = await startControlPlane({ clock, dataDir: folder.path })
    const web = await before.enrol('web-01')
    await beat(web)
    await before[Symbol.asyncDispose]()

    const later = createFakeClock(clock.now() + 3_600_000)
    await using plane = await startControlPlane({ clock: later, dataDir: folder.path })
    const status = () => plane.app.fleet.node(web.node_id)?.status
    await later.advance(89_000)
    assert.equal(status(), 'online')
    await later.advance(4_000)
    assert.equal(status(), 'unreachable')
  })
})

async function beat(node: EnrolledNode): Promise<void> {
  await node.api.heartbeat({ params: node, body: {} })
}

async function peersOf(node: EnrolledNode) {
  return (await node.api.getState({ params: node })).body.peers
}

function open({ url }: TestControlPlane, node: EnrolledNode): Promise<EventReader> {
  return openEventReader(url, { token: node.token, nodeId: node.node_id })
}
