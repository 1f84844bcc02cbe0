import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ExecutionAck, ExecutionResult } from '@plexd/protocol'
import { silentLog } from '@plexd/runtime'
import { createFakeClock } from '@plexd/runtime/testing'
import { Type } from 'typebox'
import { defaultConfig } from '../config/agent-config.ts'
import { type Action, ActionRefusal, defineAction } from './define.ts'
import { createActionExecutor } from './executor.ts'

const parameters = Type.Object({})
const timeoutMs = 30_000
const output = (exit_code: number) => ({ exit_code, stdout: 'out', stderr: 'err' })

describe('createActionExecutor', () => {
  it('accepts, runs and reports', async () => {
    const { executor, acks, results, settle } = setUp()
    await executor.request({
      execution_id: 'exec_1',
      action: 'quick',
      triggered_by: { type: 'session', user_id: 'u1' },
    })
    await settle()

    assert.deepEqual(acks, [{ execution_id: 'exec_1', status: 'accepted', reason: '' }])
    assert.partialDeepStrictEqual(results, [
      {
        execution_id: 'exec_1',
        status: 'success',
        exit_code: 0,
        stdout: 'out',
        stderr: 'err',
        triggered_by: { type: 'session', user_id: 'u1' },
      },
    ])
  })

  it('counts an exit code other than 0 as a failure, and a crash too', async () => {
    const { executor, results, settle } = setUp()
    await executor.request({ execution_id: 'exec_1', action: 'failing' })
    await executor.request({ execution_id: 'exec_2', action: 'crashing' })
    await settle()

    assert.deepEqual(
      results.map(({ status, exit_code, stderr }) => [status, exit_code, stderr]),
      [
        ['failure', 3, 'err'],
        ['failure', 1, 'boom: because\n'],
      ],
    )
  })

  it('rejects with the reasons of the contract', async () => {
    const { executor, acks } = setUp()
    const off = setUp({ actionsEnabled: false })
    await executor.request({ execution_id: 'exec_1', action: 'nothing' })
    await executor.request({ execution_id: 'exec_2', action: 'quick', parameters: { x: 1 } })
    await off.executor.request({ execution_id: 'exec_3', action: 'quick' })
    await executor.request({ execution_id: 'exec_5', action: 'changed', checksum: 'abc' })
    await executor.request({ execution_id: 'exec_6', action: 'unreadable' })
    await executor[Symbol.asyncDispose]()
    await executor.request({ execution_id: 'exec_4', action: 'quick' })

    assert.deepEqual(
      [...acks, ...off.acks].map(({ execution_id, status, reason }) => [
        execution_id,
        status,
        reason,
      ]),
      [
        ['exec_1', 'rejected', 'unknown_action'],
        ['exec_2', 'rejected', 'invalid_parameters: "x" is not a parameter: there are none'],
        ['exec_5', 'rejected', 'integrity violation: abc'],
        ['exec_6', 'rejected', 'cannot_prepare: the disk is full'],
        ['exec_4', 'rejected', 'shutting_down'],
        ['exec_3', 'rejected', 'actions_disabled'],
      ],
    )
  })

  it('runs five at a time', async () => {
    const { executor, acks, clock } = setUp()
    for (let number = 1; number <= 6; number++) {
      await executor.request({ execution_id: `exec_${number}`, action: 'endless' })
    }
    assert.deepEqual(
      acks.map(({ status, reason }) => reason || status),
      [...Array(5).fill('accepted'), 'max_concurrent_reached'],
    )
    const local = executor.runLocal({ execution_id: 'local_1', action: 'quick' })
    assert.equal((await local).status, 'success', 'local runs are counted apart')
    await Promise.all([executor[Symbol.asyncDispose](), clock.advance(30_000)])
  })

  it('ends an action at its deadline, whether it listens or not', async () => {
    const { executor, results, clock, settle } = setUp()
    await executor.request({ execution_id: 'exec_1', action: 'endless', timeout: '2s' })
    await executor.request({ execution_id: 'exec_2', action: 'deaf', timeout: '24h' })
    await executor.request({ execution_id: 'exec_3', action: 'deaf', timeout: 'soon' })
    await clock.advance(2_000)
    assert.deepEqual(
      results.map(({ execution_id, status }) => [execution_id, status]),
      [['exec_1', 'timeout']],
    )
    await clock.advance(28_000)
    assert.equal(results.length, 1, 'an action has 10 s to end what it has started')
    await clock.advance(10_000)
    assert.equal(results[1]?.execution_id, 'exec_3', 'a timeout that cannot be read is the default')
    await clock.advance(10 * 60_000)
    await settle()
    assert.partialDeepStrictEqual(results[2], {
      execution_id: 'exec_2',
      status: 'timeout',
      duration: '10m10s',
      stderr:
        'no result after 10m0s, which is "actions.max_timeout" (asked for: 24h0m0s), and it has not ended yet\n',
    })
  })

  it('keeps the output of an action that was ended', async () => {
    const { executor, results, clock } = setUp()
    await executor.request({ execution_id: 'exec_1', action: 'orderly', timeout: '2s' })
    await clock.advance(2_000)
    assert.deepEqual(
      results.map(({ status, exit_code, stdout, stderr }) => [status, exit_code, stdout, stderr]),
      [['timeout', 143, 'out', 'err\nno result after 2s\n']],
    )
  })

  it('cancels what the control plane no longer wants', async () => {
    const { executor, results, settle } = setUp()
    await executor.request({ execution_id: 'exec_1', action: 'orderly' })
    await executor.request({ execution_id: 'exec_2', action: 'quick' })
    await settle()
    for (const id of ['exec_1', 'exec_2', 'exec_3']) executor.cancel(id)
    await settle()
    assert.deepEqual(
      results.map(({ execution_id, status }) => [execution_id, status]),
      [
        ['exec_2', 'success'],
        ['exec_1', 'cancelled'],
      ],
    )
  })

  it('answers a local caller, who may cancel, and sends nothing to the control plane', async () => {
    const { executor, acks, results } = setUp()
    const leaving = new AbortController()
    const run = executor.runLocal({ execution_id: 'local_1', action: 'orderly' }, leaving.signal)
    leaving.abort()
    assert.partialDeepStrictEqual(await run, { execution_id: 'local_1', status: 'cancelled' })
    await assert.rejects(executor.runLocal({ execution_id: 'local_2', action: 'nothing' }), {
      name: 'ActionRefusal',
      message: 'unknown_action',
    })
    await assert.rejects(
      executor.runLocal({ execution_id: 'local_3', action: 'quick', timeout: '99h' }),
      { message: 'timeout "99h": want at most "actions.max_timeout", which is 10m0s' },
    )
    assert.deepEqual([...acks, ...results], [])
  })

  it('lets running actions finish when plexd stops, and cancels and reports them after 30 s', async () => {
    const { executor, results, clock, finishSlow } = setUp()
    await executor.request({ execution_id: 'exec_1', action: 'endless', timeout: '1m' })
    await executor.request({ execution_id: 'exec_2', action: 'slow' })
    const stopped = executor[Symbol.asyncDispose]()
    await clock.advance(29_000)
    assert.deepEqual(results, [])
    finishSlow()
    await clock.advance(1_000)
    await stopped
    assert.deepEqual(
      results.map(({ status, stderr }) => [status, stderr]),
      [
        ['success', 'err'],
        ['cancelled', 'plexd stopped\n'],
      ],
    )
  })

  it('keeps a result that the disk refuses, until it takes it', async () => {
    const { executor, results, clock, disk, settle } = setUp()
    disk.isFull = true
    await executor.request({ execution_id: 'exec_1', action: 'quick' })
    await settle()
    await clock.advance(60_000)
    assert.deepEqual(results, [])
    disk.isFull = false
    await clock.advance(5_000)
    assert.partialDeepStrictEqual(results, [{ execution_id: 'exec_1', status: 'success' }])
    await clock.advance(60_000)
    assert.equal(results.length, 1)
  })

  it('stops also with a result that the disk refuses', async () => {
    const { executor, results, clock, disk, settle } = setUp()
    disk.isFull = true
    await executor.request({ execution_id: 'exec_1', action: 'quick' })
    await settle()
    const stopped = executor[Symbol.asyncDispose]()
    await clock.advance(2_000)
    await stopped
    assert.deepEqual(results, [])
  })

  it('gives no longer a reason than the control plane takes', async () => {
    const { executor, acks } = setUp()
    const parameters = { ['é'.repeat(5_000)]: 1 }
    await executor.request({ execution_id: 'exec_1', action: 'quick', parameters })
    const { reason = '' } = acks[0] ?? {}
    assert.match(reason, /^invalid_parameters: "é+$/)
    assert.ok(Buffer.byteLength(reason) <= 4_096)
  })

  it('leaves the last results a second to be sent', async () => {
    const { executor, clock, unsent } = setUp()
    await executor.request({ execution_id: 'exec_1', action: 'quick' })
    unsent.count = 1
    let isStopped = false
    const stopped = executor[Symbol.asyncDispose]().then(() => {
      isStopped = true
    })
    await clock.advance(900)
    assert.equal(isStopped, false)
    await clock.advance(100)
    await stopped
  })

  it('does not run an execution that it already knows', async () => {
    const { executor, acks, known } = setUp()
    known.add('exec_1')
    await executor.request({ execution_id: 'exec_1', action: 'quick' })
    assert.deepEqual(acks, [])
  })

  it('runs an execution once that arrives twice at the same moment', async () => {
    const { executor, acks, results, settle } = setUp()
    const request = { execution_id: 'exec_1', action: 'quick' }
    await Promise.all([executor.request(request), executor.request(request)])
    await settle()
    assert.deepEqual([acks.length, results.length], [1, 1])
  })

  it('cuts output to 64 KiB', async () => {
    const { executor, results, settle } = setUp()
    await executor.request({ execution_id: 'exec_1', action: 'chatty' })
    await settle()
    assert.equal(Buffer.byteLength(results[0]?.stdout ?? ''), 64 * 1024)
  })
})

const actionsWith = (slow: Promise<unknown>): Action[] => [
  action('quick', async () => output(0)),
  action('failing', async () => output(3)),
  action('crashing', () => Promise.reject(new Error('boom', { cause: new Error('because') }))),
  action('chatty', async () => ({ ...output(0), stdout: 'x'.repeat(100_000) })),
  action('orderly', async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return output(143)
  }),
  action('slow', async () => {
    await slow
    return output(0)
  }),
  {
    ...action('changed', () => assert.fail('it must not run')),
    prepare(_, expected) {
      throw new ActionRefusal(`integrity violation: ${expected}`)
    },
  },
  {
    ...action('unreadable', () => assert.fail('it must not run')),
    prepare: () => Promise.reject(new Error('the disk is full')),
  },
  action('deaf', () => new Promise(() => {})),
  action(
    'endless',
    (signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  ),
]

function action(
  name: string,
  run: (signal: AbortSignal) => Promise<ReturnType<typeof output>>,
): Action {
  const definition = { name, description: '', parameters, timeoutMs }
  return defineAction({ ...definition, run: (_, { signal }) => run(signal) })
}

function setUp(changes: Partial<typeof defaultConfig> = {}) {
  const clock = createFakeClock()
  const acks: ExecutionAck[] = []
  const results: ExecutionResult[] = []
  const known = new Set<string>()
  const slow = Promise.withResolvers<void>()
  const unsent = { count: 0 }
  const disk = { isFull: false }
  const actions = actionsWith(slow.promise)
  const executor = createActionExecutor({
    config: { ...defaultConfig, ...changes },
    actions: { find: (name) => actions.find((action) => action.name === name) },
    outbox: {
      decide: (ack) => void acks.push(ack),
      finish(result) {
        if (disk.isFull) throw new Error('database or disk is full')
        results.push(result)
      },
      repeat: (id) => known.has(id),
      pendingCount: () => unsent.count,
    },
    clock,
    log: silentLog,
  })
  return {
    executor,
    acks,
    results,
    known,
    unsent,
    disk,
    clock,
    finishSlow: slow.resolve,
    settle: () => clock.advance(0),
  }
}
