import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Log, silentLog } from '@plexd/runtime'
import { openEventReader } from '../../testing/event-reader.ts'
import { startControlPlane, type TestControlPlane } from '../../testing/harness.ts'
import { addOperator } from '../../testing/operators.ts'

const capabilities = { builtin_actions: [{ name: 'system.info' }], max_concurrent: 1 }

const setUp = async (plane: TestControlPlane, userAgent?: string) => {
  const web = await plane.enrol('web', { capabilities, ...(userAgent ? { userAgent } : {}) })
  const run = async () =>
    (await plane.admin.runAction({ params: { node: 'web' }, body: { action: 'system.info' } })).body
      .id
  const paramsOf = (execution_id: string) => ({ node_id: web.node_id, execution_id })
  return {
    web,
    run,
    cancel: async (execution_id: string) =>
      (await plane.admin.cancelExecution({ params: { execution_id } })).body,
    read: async (execution_id: string) =>
      (await plane.admin.getExecution({ params: { execution_id } })).body,
    ack: (id: string) =>
      web.api.ackExecution({ params: paramsOf(id), body: { status: 'accepted' } }),
    finish: (id: string, status: 'success' | 'cancelled') =>
      web.api.finishExecution({ params: paramsOf(id), body: { status } }),
    events: (lastEventId?: string) =>
      openEventReader(plane.url, {
        token: web.token,
        nodeId: web.node_id,
        ...(lastEventId === undefined ? {} : { lastEventId }),
      }),
  }
}

describe('cancelling an execution', () => {
  it('ends it at once when the node was not asked, or has not accepted it', async () => {
    await using plane = await startControlPlane()
    const { run, cancel, read, events } = await setUp(plane)
    const [sent, queued, next] = [await run(), await run(), await run()]

    assert.match((await cancel(queued)).message, /the node was not asked for it yet/)
    assert.match((await cancel(sent)).message, /the node had not accepted it/)
    for (const id of [sent, queued]) {
      const { status, reason, cancel_requested_at } = await read(id)
      assert.deepEqual([status, reason], ['cancelled', 'cancelled before the node had accepted it'])
      assert.notEqual(cancel_requested_at, null)
    }
    await using reader = await events(plane.app.heads.positionOf(0))
    assert.deepEqual((await reader.next('action_request')).payload.execution_id, next)
    assert.equal(reader.blocks.filter(({ event }) => event === 'action_request').length, 1)
    await assert.rejects(cancel(sent), {
      status: 409,
      message: `execution "${sent}" has ended: it is cancelled`,
    })
  })

  it('tells the node of one that it has accepted, and takes what the node says', async () => {
    await using plane = await startControlPlane()
    const { run, cancel, read, ack, finish, events } = await setUp(plane)
    await using reader = await events()
    for (const end of ['cancelled', 'success'] as const) {
      const id = await run()
      await ack(id)
      const asked = await cancel(id)
      assert.equal(asked.status, 'accepted')
      assert.match(asked.message, /the node was told to end it/)
      assert.deepEqual((await reader.next('action_cancelled')).payload, { execution_id: id })
      assert.equal((await cancel(id)).cancel_requested_at, asked.cancel_requested_at)
      await finish(id, end)
      assert.equal((await read(id)).status, end)
      await assert.rejects(cancel(id), { status: 409 })
    }
    assert.equal(reader.blocks.filter(({ event }) => event === 'action_cancelled').length, 2)
  })

  it('is told to the node again when it comes back, and when it accepts behind it', async () => {
    await using plane = await startControlPlane()
    const { run, cancel, read, ack, finish, events } = await setUp(plane)
    const running = await run()
    await ack(running)
    await cancel(running)
    for (let time = 0; time < 2; time++) {
      await using reader = await events('unknown-1')
      assert.deepEqual((await reader.next('action_cancelled')).payload, { execution_id: running })
    }
    await finish(running, 'cancelled')

    const unheard = await run()
    await cancel(unheard)
    await using reader = await events()
    await ack(unheard)
    assert.deepEqual((await reader.next('action_cancelled')).payload, { execution_id: unheard })
    await finish(unheard, 'success')
    const { status, late } = await read(unheard)
    assert.deepEqual([status, late], ['success', true], 'it ran')
  })

  it('says that a Go agent goes on', async () => {
    await using plane = await startControlPlane()
    const { run, cancel, ack } = await setUp(plane, 'plexd/1.2.3')
    const id = await run()
    await ack(id)
    assert.match((await cancel(id)).message, /its agent cannot cancel/)
  })

  it('is on record, as asking is', async () => {
    const lines: unknown[] = []
    const log: Log = {
      ...silentLog,
      info: (message, { operation, by, id } = {}) => {
        if (message === 'changed by operator') lines.push([operation, by, id])
      },
    }
    await using plane = await startControlPlane({ log })
    const { run, cancel } = await setUp(plane)
    const id = await run()
    await cancel(id)
    assert.deepEqual(lines, [
      ['runAction', 'admin', id],
      ['cancelExecution', 'admin', id],
    ])
  })

  it('is for owners of the tenant only', async () => {
    await using plane = await startControlPlane()
    const { run } = await setUp(plane)
    const params = { execution_id: await run() }
    const viewer = await addOperator(plane, { role: 'viewer' })
    await assert.rejects(viewer.api.cancelExecution({ params }), { status: 403 })
    const stranger = await addOperator(plane, { tenant: 'other' })
    await assert.rejects(stranger.api.cancelExecution({ params }), { status: 404 })
    await assert.rejects(plane.admin.cancelExecution({ params: { execution_id: 'exec_x' } }), {
      status: 404,
      message: 'there is no execution "exec_x"',
    })
  })
})
