import { ApiError, controlApi, parseDuration } from '@plexd/protocol'
import type { Environment, Intake, State, Waiters } from '../../app.ts'
import { acknowledge, finish } from '../../executions/transitions.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import {
  type ExecutionChange,
  readExecution,
  type StoredExecution,
} from '../../rows/executions/executions.ts'
import { settleExecution } from '../../runs/settle-execution.ts'

export const ackExecution = handle(
  controlApi.ackExecution,
  async (call, app: State & Waiters & Environment) => {
    const { body } = call
    await update(app, call, body.execution_id, (row, nowMs) =>
      acknowledge(row, body, {
        nowMs,
        timeoutMs: parseDuration(row.timeout),
        queuedMs: app.config.limits.queued_execution_ms,
      }),
    )
    return {}
  },
)

/** The output may be large: the parser thread reads it, and returns only what is stored. */
export const finishExecution = handle(
  controlApi.finishExecution,
  async (call, app: State & Intake & Waiters & Environment) => {
    const body = await app.bodies.read(call, controlApi.finishExecution)
    const result = await app.parser.parse('result', body)
    await update(app, call, result.execution_id, (row, nowMs) => finish(row, result, nowMs))
    return {}
  },
)

/** Stores what a node says of one of its executions. Throws an ApiError: 400, 404 or 409. */
async function update(
  app: State & Waiters & Environment,
  {
    principal,
    params: { execution_id },
  }: { principal: NodeRecord; params: { execution_id: string } },
  named: string | undefined,
  changeOf: (row: StoredExecution, nowMs: number) => ExecutionChange | undefined,
): Promise<void> {
  if (named && named !== execution_id)
    throw new ApiError('bad_request', `execution_id "${named}" is not that of the path`)
  const changed = await app.change(async (unit) => {
    const row = await readExecution(unit.tx, execution_id, { node_id: principal.id })
    if (!row) throw new ApiError('not_found', `unknown execution "${execution_id}"`)
    const change = changeOf(row, unit.nowMs)
    if (change) await settleExecution(unit, row, change, app)
    return change !== undefined
  })
  if (changed) app.executions.changed(execution_id)
}
