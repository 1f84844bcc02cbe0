import assert from 'node:assert/strict'
import { controlApi, type Execution, maxOutputBytes, type Operation } from '@plexd/protocol'
import type { RawAnswer } from '../../support/system.ts'
import type { ContractCase, Stage } from '../contract-case.ts'

/** An action that runs on db, which has announced it. */
async function dispatched({ system, db }: Stage): Promise<string> {
  await db.call(controlApi.putCapabilities, {
    body: { builtin_actions: [{ name: 'system.info', description: 'Facts', parameters: [] }] },
  })
  const { body } = await system.admin.runAction({
    params: { node: db.node_id },
    body: { action: 'system.info' },
  })
  return body.id
}

const read = async ({ system }: Stage, execution_id: string): Promise<Execution> =>
  (await system.admin.getExecution({ params: { execution_id } })).body

const accepted = { status: 'accepted', reason: '' }

/** The seed's example of a result. */
const success = {
  status: 'success',
  exit_code: 0,
  stdout: 'out',
  stderr: 'err',
  duration: '2.34s',
  finished_at: '2025-01-15T10:30:02Z',
  triggered_by: { type: 'control_plane', session_id: '', user_id: '', email: '' },
}

const send = (
  { db }: Stage,
  operation: Operation,
  execution_id: string,
  body: object,
): Promise<RawAnswer> =>
  db.call(operation, { params: { execution_id }, body: { execution_id, ...body } })

const { ackExecution, finishExecution } = controlApi

const unknown = (operation: Operation, body: object): ContractCase => ({
  status: 404,
  when: 'for an execution that is unknown',
  answer: (stage) => send(stage, operation, 'exec_nobody', body),
})

const foreign = (operation: Operation, body: object): ContractCase => ({
  status: 404,
  when: "for another node's execution",
  async answer(stage) {
    const execution_id = await dispatched(stage)
    return stage.web.call(operation, { params: { execution_id }, body: { execution_id, ...body } })
  },
})

const malformed = (operation: Operation): ContractCase => ({
  status: 400,
  when: 'for a status that is none',
  answer: async (stage) => send(stage, operation, await dispatched(stage), { status: 'perhaps' }),
})

export const ackExecutionCases: ContractCase[] = [
  {
    status: 200,
    when: 'for an action that the node accepts',
    async answer(stage) {
      const id = await dispatched(stage)
      const answer = await send(stage, ackExecution, id, accepted)
      assert.equal((await read(stage, id)).status, 'accepted')
      assert.notEqual((await read(stage, id)).acked_at, null)
      return answer
    },
  },
  {
    status: 200,
    when: 'for an action that the node rejects, with its reason',
    async answer(stage) {
      const id = await dispatched(stage)
      const rejected = { status: 'rejected', reason: 'unknown_action' }
      const answer = await send(stage, ackExecution, id, rejected)
      const { status, reason } = await read(stage, id)
      assert.deepEqual({ status, reason }, rejected)
      return answer
    },
  },
  {
    status: 200,
    when: 'for the same acknowledgement again',
    async answer(stage) {
      const id = await dispatched(stage)
      await send(stage, ackExecution, id, accepted)
      return send(stage, ackExecution, id, accepted)
    },
  },
  unknown(ackExecution, accepted),
  foreign(ackExecution, accepted),
  malformed(ackExecution),
  {
    status: 409,
    when: 'for another acknowledgement than the first',
    async answer(stage) {
      const id = await dispatched(stage)
      await send(stage, ackExecution, id, accepted)
      return send(stage, ackExecution, id, { status: 'rejected', reason: 'too late' })
    },
  },
]

export const finishExecutionCases: ContractCase[] = [
  {
    status: 200,
    when: "for the seed's result, and shows it to operators",
    async answer(stage) {
      const id = await dispatched(stage)
      await send(stage, ackExecution, id, accepted)
      // That of the example is long before anybody asked for the action.
      const ended = new Date().toISOString()
      const answer = await send(stage, finishExecution, id, { ...success, finished_at: ended })
      const { status, exit_code, stdout, stderr, duration, finished_at } = await read(stage, id)
      assert.deepEqual(
        { status, exit_code, stdout, stderr, duration },
        { status: 'success', exit_code: 0, stdout: 'out', stderr: 'err', duration: '2.34s' },
      )
      assert.equal(finished_at, ended)
      return answer
    },
  },
  ...(['failure', 'timeout', 'cancelled'] as const).map(
    (status): ContractCase => ({
      status: 200,
      when: `for the result ${status}`,
      async answer(stage) {
        const id = await dispatched(stage)
        const answer = await send(stage, finishExecution, id, { ...success, status })
        assert.equal((await read(stage, id)).status, status)
        return answer
      },
    }),
  ),
  {
    status: 200,
    when: 'for the same result again',
    async answer(stage) {
      const id = await dispatched(stage)
      await send(stage, finishExecution, id, success)
      return send(stage, finishExecution, id, success)
    },
  },
  {
    status: 200,
    when: 'for more output than is kept: 64 KiB each',
    async answer(stage) {
      const id = await dispatched(stage)
      const long = { stdout: 'ä'.repeat(maxOutputBytes), stderr: 'x'.repeat(2 * maxOutputBytes) }
      const answer = await send(stage, finishExecution, id, { ...success, ...long })
      const { stdout, stderr } = await read(stage, id)
      for (const kept of [stdout, stderr]) {
        assert.ok(Buffer.byteLength(kept) <= maxOutputBytes)
        assert.ok(Buffer.byteLength(kept) > maxOutputBytes - 64)
      }
      return answer
    },
  },
  unknown(finishExecution, success),
  foreign(finishExecution, success),
  malformed(finishExecution),
  {
    status: 409,
    when: 'for another result than the first',
    async answer(stage) {
      const id = await dispatched(stage)
      await send(stage, finishExecution, id, success)
      const answer = await send(stage, finishExecution, id, { ...success, status: 'failure' })
      assert.equal((await read(stage, id)).status, 'success')
      return answer
    },
  },
]
