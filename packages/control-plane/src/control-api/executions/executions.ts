import { ApiError, controlApi, parseDuration } from '@plexd/protocol'
import type { Environment, Intake, State, Waiters } from '../../app.ts'
import { acknowledge, finish } from '../../executions/transitions.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import { changeExecution, readExecution, type StoredExecution } from '../../rows/executions.ts'

export const ackExecution = handle(
  controlApi.ackExecution,
  async ({ params, body, principal }, app: State & Waiters & Environment) => {
    await updateExecution(app, principal, params.execution_id, { ack: body })
    return {}
  },
)

/** The output may be large: the parser thread reads it, and returns only what is stored. */
export const finishExecution = handle(
  controlApi.finishExecution,
  async (call, app: State & Intake & Waiters & Environment) => {
    const body = await app.bodies.read(call, controlApi.finishExecution)
    const result = await app.parser.parse('result', body)
    await updateExecution(app, call.principal, call.params.execution_id, { result })
    return {}
  },
)

/** What a node reports about an execution: an acknowledgement or a result. */
type ExecutionNews =
  | { ack: Parameters<typeof acknowledge>[1] }
  | { result: Parameters<typeof finish>[1] }

/** Stores what a node reports about one of its executions. Throws an ApiError: 400, 404 or 409. */
async function updateExecution(
  app: State & Waiters & Environment,
  node: NodeRecord,
  executionId: string,
  news: ExecutionNews,
): Promise<void> {
  const named = ('ack' in news ? news.ack : news.result).execution_id
  if (named && named !== executionId)
    throw new ApiError('bad_request', `execution_id "${named}" is not that of the path`)
  const changed = await app.store.write(async (tx) => {
    const row = await readExecution(tx, executionId, { node_id: node.id })
    if (!row) throw new ApiError('not_found', `unknown execution "${executionId}"`)
    const change = changeOf(row, news, app.clock.now())
    if (change) await changeExecution(tx, executionId, change)
    return change !== undefined
  })
  if (changed) app.executions.changed(executionId)
}

function changeOf(row: StoredExecution, news: ExecutionNews, nowMs: number) {
  if ('result' in news) return finish(row, news.result, nowMs)
  return acknowledge(row, news.ack, { nowMs, timeoutMs: parseDuration(row.timeout) })
}
