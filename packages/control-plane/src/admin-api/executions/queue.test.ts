import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFakeClock, until } from '@plexd/runtime/testing'
import { roomOf } from '../../executions/dispatch.ts'
import { expireExecutions, retryHeld, sendAllQueued } from '../../jobs/executions.ts'
import type { Limits } from '../../limits.ts'
import { openEventReader } from '../../testing/event-reader.ts'
import {
  type EnrolledNode,
  startControlPlane,
  type TestControlPlane,
} from '../../testing/harness.ts'

const capabilities = { builtin_actions: [{ name: 'system.info' }] }
const done = { status: 'success' as const, exit_code: 0 }
const noRoom = { status: 'rejected' as const, reason: 'max_concurrent_reached' }

describe('more executions than a node has room for', () => {
  it('wait in order, and are sent one by one as others end', async () => {
    await using stage = await setUp()
    const ids = await stage.run(8)

    assert.deepEqual(await stage.statuses(), [
      ...Array(5).fill('pending'),
      ...Array(3).fill('queued'),
    ])
    assert.deepEqual(await Promise.all(ids.map(async (id) => (await stage.read(id)).ahead)), [
      ...Array(5).fill(undefined),
      0,
      1,
      2,
    ])
    await stage.ack(ids[1])
    await stage.finish(ids[1])
    await stage.ack(ids[0], { status: 'rejected', reason: 'unknown_action' })
    assert.deepEqual((await stage.statuses()).slice(5), ['pending', 'pending', 'queued'])
    await stage.admin.cancelExecution({ params: { execution_id: ids[2] ?? '' } })
    assert.equal((await stage.read(ids[7])).status, 'pending')
    assert.deepEqual(await stage.requested(), ids)
  })

  it('are as many as the node announces', async () => {
    await using stage = await setUp({ max_concurrent: 2 })
    await stage.run(4)
    assert.deepEqual(await stage.statuses(), ['pending', 'pending', 'queued', 'queued'])
    const params = { node_id: stage.web.node_id }
    await stage.web.api.putCapabilities({ params, body: { ...capabilities, max_concurrent: 3 } })
    assert.deepEqual(await stage.statuses(), ['pending', 'pending', 'pending', 'queued'])
  })

  it('are no more than 50 at once, and 1,000 in all, whatever it announces', async () => {
    await using stage = await setUp({ max_concurrent: 1 })
    await stage.run(61)
    const params = { node_id: stage.web.node_id }
    const max_concurrent = Number.MAX_SAFE_INTEGER
    await stage.web.api.putCapabilities({ params, body: { ...capabilities, max_concurrent } })
    const count = async () => (await stage.statuses()).filter((is) => is === 'pending').length
    assert.equal(await count(), 51)
    await sendAllQueued(stage.plane.app)
    assert.equal(await count(), 61)
    assert.equal(roomOf({ max_concurrent }, stage.plane.app), 1_000)
  })

  it('have their own time from when they are sent, and expire if they were not', async () => {
    await using stage = await setUp({ max_concurrent: 1 })
    const ids = await stage.run(2, { timeout: '10s' })
    const [brief] = await stage.run(1, { expires: '20s' })
    await stage.pass(21_000)
    const { status, reason } = await stage.read(brief)
    assert.deepEqual(
      [status, reason],
      ['expired', 'it waited for a place on the node until it expired'],
    )
    await stage.pass(20_000)
    assert.deepEqual((await stage.statuses()).slice(0, 2), ['expired', 'pending'])
    assert.equal((await stage.read(ids[0])).reason, 'the node did not answer in time')
    await stage.pass(38_000)
    assert.equal((await stage.read(ids[1])).status, 'pending', 'it was sent later')
  })

  it('are sent when all that waited before them have expired', async () => {
    await using stage = await setUp({ max_concurrent: 1 })
    const [first] = await stage.run(1)
    await stage.run(60)
    const deadline_at = stage.clock.now()
    await stage.plane.app.store.write((tx) =>
      tx.updateTable('executions').set({ deadline_at }).where('status', '=', 'queued').execute(),
    )
    await stage.ack(first, { status: 'rejected', reason: 'unknown_action' })
    const [last] = await stage.run(1)
    assert.equal((await stage.read(last)).status, 'queued')
    await stage.pass(0)
    assert.equal((await stage.read(last)).status, 'pending')
    assert.deepEqual((await stage.statuses()).slice(1, -1), Array(60).fill('expired'))
  })

  it('are refused beyond a number for the node, and one for all', async () => {
    await using stage = await setUp(
      { max_concurrent: 1 },
      { queued_executions: 2, tenant_queued_executions: 3 },
    )
    await stage.run(3)
    await assert.rejects(stage.run(1), {
      status: 429,
      message: /^2 executions wait for "web", and the limit queued_executions is 2: /,
    })
    await stage.plane.enrol('db', { capabilities: { ...capabilities, max_concurrent: 1 } })
    await stage.run(2, {}, 'db')
    await assert.rejects(stage.run(1, {}, 'db'), {
      status: 429,
      message: /^3 executions wait for their nodes, and the limit tenant_queued_executions is 3: /,
    })
  })

  it('are asked for again when the node has refused one for want of room', async () => {
    await using stage = await setUp()
    const ids = await stage.run(7)
    await stage.ack(ids[0])
    await stage.ack(ids[1], noRoom)
    await stage.ack(ids[2], noRoom)
    const held = await stage.read(ids[1])
    assert.deepEqual([held.status, held.reason], ['queued', 'max_concurrent_reached'])
    assert.deepEqual((await stage.statuses()).slice(5), ['queued', 'queued'])

    await stage.finish(ids[0])
    assert.deepEqual(
      (await stage.statuses()).slice(1),
      ['pending', 'queued', 'pending', 'pending', 'queued', 'queued'],
      'one has ended, so one is sent',
    )
    await stage.clock.advance(4_000)
    await retryHeld(stage.plane.app)
    assert.equal((await stage.read(ids[2])).status, 'queued')
    await stage.clock.advance(2_000)
    await retryHeld(stage.plane.app)
    assert.deepEqual(await stage.statuses(), ['success', ...Array(5).fill('pending'), 'queued'])
    await stage.ack(ids[1])
    assert.equal((await stage.read(ids[1])).status, 'accepted')
  })

  it('are sent as before once the node has taken the one for which it had no room', async () => {
    await using stage = await setUp({ max_concurrent: 3 })
    const ids = await stage.run(2)
    await stage.ack(ids[1])
    await stage.ack(ids[0], noRoom)
    await stage.run(2)
    await stage.finish(ids[1])
    assert.deepEqual(await stage.statuses(), ['pending', 'success', 'queued', 'queued'])
    await stage.ack(ids[0])
    assert.deepEqual(await stage.statuses(), ['accepted', 'success', 'pending', 'pending'])
  })

  it('are asked for once of a node that was away for the refused request and the next', async () => {
    await using stage = await setUp()
    const [first] = await stage.run(1)
    const { id: lastEventId = '' } = await stage.events.next('action_request')
    await stage.ack(first, noRoom)
    await stage.clock.advance(6_000)
    await retryHeld(stage.plane.app)
    const [second] = await stage.run(1)
    await stage.ack(second, noRoom)
    await stage.clock.advance(6_000)
    await retryHeld(stage.plane.app)
    const [last] = await stage.run(1)

    const { token, node_id: nodeId } = stage.web
    await using again = await openEventReader(stage.plane.url, { token, nodeId, lastEventId })
    const asked: unknown[] = []
    while (asked.at(-1) !== last)
      asked.push((await again.next('action_request')).payload.execution_id)
    assert.deepEqual(asked, [first, second, last])
  })

  it('take the answer of a node that had room after all', async () => {
    await using stage = await setUp()
    const [id] = await stage.run(1)
    await stage.ack(id, noRoom)
    await stage.ack(id)
    assert.equal((await stage.read(id)).status, 'accepted')
    await stage.finish(id)
    const { status, reason, late } = await stage.read(id)
    assert.deepEqual([status, reason, late], ['success', '', false])
  })

  it('end with their node', async () => {
    await using stage = await setUp({ max_concurrent: 1 })
    const ids = await stage.run(2)
    await stage.ack(ids[0])
    await stage.admin.removeNode({ params: { node: 'web' } })
    assert.deepEqual(await Promise.all(ids.map(async (id) => (await stage.read(id)).status)), [
      'lost',
      'cancelled',
    ])
  })
})

describe('an execution without a result', () => {
  it('is lost when it was accepted, and says that its result came late', async () => {
    await using stage = await setUp()
    const [id] = await stage.run(1, { timeout: '10s' })
    await stage.ack(id)
    await stage.pass(41_000)
    const lost = await stage.read(id)
    assert.deepEqual(
      [lost.status, lost.reason, lost.late],
      ['lost', 'the node accepted it, and no result came in time', false],
    )
    await stage.finish(id)
    const { status, late, reason } = await stage.read(id)
    assert.deepEqual([status, late, reason], ['success', true, ''])
  })
})

async function setUp(more: { max_concurrent?: number } = {}, limits: Partial<Limits> = {}) {
  const clock = createFakeClock()
  const plane = await startControlPlane({ clock, config: { limits } })
  const web = await plane.enrol('web', { capabilities: { ...capabilities, ...more } })
  const events = await openEventReader(plane.url, { token: web.token, nodeId: web.node_id })
  return stageOf({ clock, plane, web, events })
}

function stageOf(parts: {
  clock: ReturnType<typeof createFakeClock>
  plane: TestControlPlane
  web: EnrolledNode
  events: Awaited<ReturnType<typeof openEventReader>>
}) {
  const { clock, plane, web, events } = parts
  const { admin } = plane
  const paramsOf = (execution_id = '') => ({ node_id: web.node_id, execution_id })
  const all: string[] = []
  const read = async (execution_id = '') =>
    (await admin.getExecution({ params: { execution_id } })).body
  return {
    ...parts,
    admin,
    read,
    async run(count: number, body: { timeout?: string; expires?: string } = {}, node = 'web') {
      const ids: string[] = []
      for (let number = 0; number < count; number++) {
        const answer = await admin.runAction({
          params: { node },
          body: { action: 'system.info', ...body },
        })
        ids.push(answer.body.id)
        await clock.advance(1)
      }
      all.push(...ids)
      return ids
    },
    ack: (
      id?: string,
      body: { status: 'accepted' | 'rejected'; reason?: string } = { status: 'accepted' },
    ) => web.api.ackExecution({ params: paramsOf(id), body }),
    finish: (id?: string) => web.api.finishExecution({ params: paramsOf(id), body: done }),
    statuses: () => Promise.all(all.map(async (id) => (await read(id)).status)),
    async pass(ms: number) {
      await clock.advance(ms)
      await expireExecutions(plane.app)
    },
    async requested(): Promise<unknown[]> {
      const requests = () => events.blocks.filter(({ event }) => event === 'action_request')
      await until('all requests have come', async () => requests().length >= all.length)
      return requests().map(({ payload }) => payload.execution_id)
    },
    async [Symbol.asyncDispose]() {
      await events[Symbol.asyncDispose]()
      await plane[Symbol.asyncDispose]()
    },
  }
}
