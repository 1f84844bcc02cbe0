import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock } from '@plexd/runtime'
import { audienceOf } from '../rows/log/audience.ts'
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
      unit.emit({ type: 'rotate_keys', to: audienceOf([1]), payload: {} })
  })
}

async function seqs({ app }: TestControlPlane): Promise<number[]> {
  const rows = await app.store.reader.selectFrom('events').select('seq').orderBy('seq').execute()
  return rows.map(({ seq }) => seq)
}
