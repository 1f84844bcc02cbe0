import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { defaultConfig } from '../config/agent-config.ts'
import { aMemoryQueue, createMemoryFiles } from '../queue/testing/memory-queue.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { startExecutionOutbox } from './execution-outbox.ts'

const accepted = { execution_id: 'exec_1', status: 'accepted', reason: '' } as const
const success = { execution_id: 'exec_1', status: 'success', exit_code: 0, stdout: 'ok' } as const

describe('execution outbox', () => {
  it('delivers the ack, then the result', async () => {
    using store = openTestDatabase()
    await using setup = setUp(store)
    setup.outbox.decide(accepted)
    setup.outbox.finish(success)
    assert.equal(setup.outbox.pendingCount(), 2)
    await setup.clock.advance(0)

    assert.deepEqual(setup.sent, [
      ['ack', 'exec_1', accepted],
      ['result', 'exec_1', success],
    ])
    assert.equal(setup.outbox.pendingCount(), 0)
  })

  it('tries again with growing pauses, at once when the control plane is back', async () => {
    using store = openTestDatabase()
    await using setup = setUp(store)
    setup.failWith = new Error('connection refused')
    setup.outbox.decide(accepted)
    await setup.clock.advance(60 * 60_000)
    const attempts = setup.attempts
    assert.ok(attempts > 10 && attempts < 30, `${attempts} attempts in an hour`)

    setup.failWith = undefined
    setup.outbox.wake()
    await setup.clock.advance(0)
    assert.equal(setup.sent.length, 1)
  })

  it('decides again on what it had no room for, and sends the new decision', async () => {
    using store = openTestDatabase()
    await using setup = setUp(store)
    const refused = { ...accepted, status: 'rejected', reason: 'max_concurrent_reached' } as const
    setup.outbox.decide(refused)
    await setup.clock.advance(0)
    assert.equal(setup.outbox.repeat('exec_1'), false)
    setup.outbox.decide(accepted)
    await setup.clock.advance(0)
    assert.equal(setup.outbox.repeat('exec_1'), true)
    await setup.clock.advance(0)

    assert.deepEqual(
      setup.sent.map(([, , body]) => body),
      [refused, accepted, accepted],
    )
  })

  it('delivers after a crash what was not delivered before', async () => {
    using store = openTestDatabase()
    {
      await using setup = setUp(store)
      setup.failWith = new Error('connection refused')
      setup.outbox.decide(accepted)
      setup.outbox.finish(success)
      await setup.clock.advance(0)
    }
    store.reopen()
    await using after = setUp(store)
    await after.clock.advance(0)

    assert.deepEqual(
      after.sent.map(([kind]) => kind),
      ['ack', 'result'],
    )
  })

  it('reports what ran when the process died', async () => {
    using store = openTestDatabase()
    {
      await using setup = setUp(store)
      setup.outbox.decide(accepted)
      setup.outbox.decide({ execution_id: 'exec_2', status: 'rejected', reason: 'unknown_action' })
      await setup.clock.advance(0)
    }
    store.reopen()
    await using after = setUp(store)
    await after.clock.advance(0)

    assert.equal(after.sent.length, 1)
    assert.partialDeepStrictEqual(after.sent[0]?.[2], {
      execution_id: 'exec_1',
      status: 'failure',
      stderr: 'plexd was restarted while the action ran\n',
    })
  })

  it('sends all it knows of an execution again when that is asked for again', async () => {
    using store = openTestDatabase()
    await using setup = setUp(store)
    assert.equal(setup.outbox.repeat('exec_1'), false)
    setup.outbox.decide(accepted)
    setup.outbox.finish(success)
    await setup.clock.advance(0)

    assert.equal(setup.outbox.repeat('exec_1'), true)
    await setup.clock.advance(0)
    assert.equal(setup.sent.length, 4)
  })

  it('keeps the first result and the first decision', async () => {
    using store = openTestDatabase()
    await using setup = setUp(store)
    setup.outbox.decide(accepted)
    setup.outbox.decide({ ...accepted, status: 'rejected', reason: 'late' })
    setup.outbox.finish(success)
    setup.outbox.finish({ ...success, status: 'failure' })
    await setup.clock.advance(0)
    assert.deepEqual(
      setup.sent.map(([, , body]) => body),
      [accepted, success],
    )
  })

  it('drops what the control plane will never take, and keeps it from a proxy', async () => {
    using store = openTestDatabase()
    await using setup = setUp(store)
    setup.failWith = new ApiError('not_found', 'not found', { details: {} })
    setup.outbox.decide(accepted)
    await setup.clock.advance(0)
    assert.equal(setup.outbox.pendingCount(), 1, 'a 404 without our body says nothing')

    setup.failWith = new ApiError('not_found', 'not found', { details: { error: 'not found' } })
    setup.outbox.wake()
    await setup.clock.advance(0)
    assert.equal(setup.outbox.pendingCount(), 0)
  })

  it('lets others pass one that the control plane fails on', async () => {
    using store = openTestDatabase()
    await using setup = setUp(store)
    setup.failOn = 'exec_1'
    setup.outbox.decide(accepted)
    setup.outbox.decide({ ...accepted, execution_id: 'exec_2' })
    await setup.clock.advance(0)
    assert.deepEqual(
      setup.sent.map(([, id]) => id),
      ['exec_2'],
    )
  })

  it('sends no result before its ack', async () => {
    using store = openTestDatabase()
    await using setup = setUp(store)
    setup.failOn = 'exec_1'
    setup.outbox.decide(accepted)
    setup.outbox.finish(success)
    await setup.clock.advance(0)
    assert.deepEqual([setup.sent, setup.outbox.pendingCount()], [[], 2])
    setup.failOn = ''
    await setup.clock.advance(2_000)
    assert.deepEqual(
      setup.sent.map(([kind]) => kind),
      ['ack', 'result'],
    )
  })

  it('takes over what an earlier plexd has not delivered, once', async () => {
    using store = openTestDatabase()
    const insert = store.database.prepare(
      'INSERT INTO executions (execution_id, received_ms, ack, ack_sent, result) VALUES (?, 1, ?, 1, ?)',
    )
    insert.run('exec_1', JSON.stringify(accepted), JSON.stringify(success))
    for (let start = 0; start < 2; start++) {
      await using setup = setUp(store)
      setup.failWith = new Error('down')
      await setup.clock.advance(0)
      assert.equal(filesOf(store).contents.count(), 1)
    }
    await using setup = setUp(store)
    await setup.clock.advance(0)
    assert.deepEqual(setup.sent, [['result', 'exec_1', success]])
  })

  it('keeps what the queue has no room for, and sends it when there is', async () => {
    using store = openTestDatabase()
    await using setup = setUp(store, { bytes: 700 })
    setup.failWith = new Error('down')
    const ids = Array.from({ length: 9 }, (_, number) => `exec_${number}`)
    for (const execution_id of ids) setup.outbox.decide({ ...accepted, execution_id })
    await setup.clock.advance(0)
    assert.ok(filesOf(store).contents.count() < 9)
    assert.equal(setup.outbox.pendingCount(), 9)
    setup.failWith = undefined
    setup.outbox.wake()
    await setup.clock.advance(0)
    assert.deepEqual(setup.sent.map(([, id]) => id).sort(), ids)
  })

  it('does not send a decision that another has replaced', async () => {
    using store = openTestDatabase()
    await using setup = setUp(store)
    setup.failWith = new Error('down')
    setup.outbox.decide({ ...accepted, status: 'rejected', reason: 'max_concurrent_reached' })
    await setup.clock.advance(0)
    assert.equal(setup.outbox.repeat('exec_1'), false)
    setup.outbox.decide(accepted)
    setup.failWith = undefined
    setup.outbox.wake()
    await setup.clock.advance(0)
    assert.deepEqual(setup.sent, [['ack', 'exec_1', accepted]])
  })

  it('forgets after a day what was delivered, and only that', async () => {
    using store = openTestDatabase()
    await using setup = setUp(store)
    setup.outbox.decide(accepted)
    setup.outbox.finish(success)
    await setup.clock.advance(0)
    setup.failWith = new Error('down')
    setup.outbox.decide({ ...accepted, execution_id: 'exec_2' })
    await setup.clock.advance(25 * 3_600_000)
    setup.outbox.decide({ ...accepted, execution_id: 'exec_3' })

    assert.equal(setup.outbox.repeat('exec_1'), false)
    assert.equal(setup.outbox.repeat('exec_2'), true)
  })

  it('forgets none that runs, whatever becomes of the clock and however many come after it', async () => {
    using store = openTestDatabase()
    await using setup = setUp(store, { executions: 3 })
    setup.outbox.decide(accepted)
    await setup.clock.advance(25 * 3_600_000)
    for (const id of ['exec_2', 'exec_3', 'exec_4', 'exec_5'])
      setup.outbox.decide({ ...accepted, execution_id: id, status: 'rejected' })
    setup.outbox.finish(success)
    await setup.clock.advance(0)

    assert.deepEqual(
      setup.sent.filter(([kind]) => kind === 'result'),
      [['result', 'exec_1', success]],
    )
  })
})

/** Of each database one queue, which is there again after a crash. */
const filesOf = (store: TestDatabase) => files.getOrInsertComputed(store, createMemoryFiles)
const files = new WeakMap<TestDatabase, ReturnType<typeof createMemoryFiles>>()

function setUp(
  store: TestDatabase,
  { bytes = 1e9, executions = defaultConfig.limits.executions } = {},
) {
  const clock = createFakeClock()
  const script = {
    failWith: undefined as Error | undefined,
    failOn: '',
    attempts: 0,
    sent: [] as [string, string, unknown][],
  }
  const send =
    (kind: string) => async (input: { params: { execution_id: string }; body: unknown }) => {
      script.attempts++
      if (script.failWith) throw script.failWith
      if (input.params.execution_id === script.failOn)
        throw new ApiError('internal', 'internal error')
      script.sent.push([kind, input.params.execution_id, input.body])
      return { status: 200, headers: {}, body: {} }
    }
  const outbox = startExecutionOutbox({
    database: store.database,
    queue: aMemoryQueue({ limit: { bytes } }, filesOf(store)),
    client: { ackExecution: send('ack'), finishExecution: send('result') },
    nodeId: 'n_test',
    limits: { executions },
    describe: String,
    clock,
    log: silentLog,
  })
  return Object.assign(script, {
    outbox,
    clock,
    [Symbol.asyncDispose]: () => outbox[Symbol.asyncDispose](),
  })
}
