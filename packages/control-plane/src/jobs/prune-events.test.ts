import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime/testing'
import { startControlPlane, type TestControlPlane } from '../testing/harness.ts'
import { pruneEvents } from './prune-events.ts'

describe('pruneEvents', () => {
  it('keeps the newest, however old the others are', async () => {
    await using plane = await startControlPlane({ config: { eventLogMax: 3 } })
    await emit(plane, 10)
    await pruneEvents(plane.app)
    assert.deepEqual(await seqs(plane), [8, 9, 10])
    assert.equal(plane.app.heads.prunedThrough(), 7)
  })

  it('drops what is older than the log may be, however few they are', async () => {
    const clock = createFakeClock()
    await using plane = await startControlPlane({ clock, config: { eventLogMs: 60_000 } })
    await emit(plane, 2)
    await clock.advance(50_000)
    await emit(plane, 1)
    await clock.advance(11_000)
    await pruneEvents(plane.app)
    assert.deepEqual(await seqs(plane), [3])
    await clock.advance(60_000)
    await pruneEvents(plane.app)
    assert.deepEqual(await seqs(plane), [])
    assert.equal(plane.app.heads.prunedThrough(), 3)
    await emit(plane, 1)
    assert.deepEqual(await seqs(plane), [4])
  })

  it('keeps a request for an action until it is answered or too late', async () => {
    await using plane = await startControlPlane({ config: { eventLogMax: 1 } })
    const node = await plane.enrol('web-01', {
      capabilities: { builtin_actions: [{ name: 'mesh.ping' }] },
    })
    const { body } = await plane.admin.runAction({
      params: { node: node.node_id },
      body: { action: 'mesh.ping' },
    })
    const asked = (await seqs(plane)).at(-1)
    await emit(plane, 5)
    await pruneEvents(plane.app)
    assert.deepEqual(await seqs(plane), [asked, plane.app.heads.last()])

    await node.api.ackExecution({
      params: { node_id: node.node_id, execution_id: body.id },
      body: { status: 'accepted' },
    })
    await emit(plane, 1)
    await pruneEvents(plane.app)
    assert.deepEqual(await seqs(plane), [plane.app.heads.last()])
  })

  it('does not count what no node is told of, of which a record has two rows at most', async () => {
    await using plane = await startControlPlane({
      config: { eventLogMax: 20, limits: { node_writes_per_second: 1e6 } },
    })
    const [web, db] = [await plane.enrol('web-01'), await plane.enrol('db-01')]
    const cursor = plane.app.heads.last()
    await plane.admin.setNodeMetadata({ params: { node: 'db-01' }, body: { set: { a: 'b' } } })

    for (let port = 1; port <= 100; port++)
      await web.api.putEndpoint({
        params: web,
        body: { public_endpoint: `203.0.113.10:${port}` },
      })
    await pruneEvents(plane.app)

    const { no } = plane.app.fleet.node(db.node_id) ?? assert.fail()
    assert.equal(plane.app.heads.canResume(no, cursor), true)
    const untold = await plane.app.store.reader
      .selectFrom('events')
      .where('event_type', '=', '')
      .select('changes')
      .execute()
    for (const rows of Map.groupBy(untold, ({ changes }) => changes).values())
      assert.ok(rows.length <= 2)
  })

  it('works through a log of any length', async () => {
    await using plane = await startControlPlane({ config: { eventLogMax: 10 } })
    await emit(plane, 5_000)
    await pruneEvents(plane.app)
    assert.equal((await seqs(plane)).length, 10)
  })
})

async function emit({ app }: TestControlPlane, count: number): Promise<void> {
  await app.change(async (unit) => {
    for (let index = 0; index < count; index++)
      unit.emit({ type: 'rotate_keys', to: [{ no: 1 }], payload: {} })
  })
}

/** Of the events that are left. */
async function seqs({ app }: TestControlPlane): Promise<number[]> {
  const rows = await app.store.reader
    .selectFrom('events')
    .select('seq')
    .where('event_type', '!=', '')
    .orderBy('seq')
    .execute()
  return rows.map(({ seq }) => seq)
}
