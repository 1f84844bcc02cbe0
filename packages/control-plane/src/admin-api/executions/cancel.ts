import { ApiError, adminApi, hasEnded } from '@plexd/protocol'
import type { Environment, State, Waiters } from '../../app.ts'
import { cancel } from '../../executions/transitions.ts'
import { executionDetail } from '../../executions/view.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import { readExecution, type StoredExecution } from '../../rows/executions/executions.ts'
import { settleExecution } from '../../runs/settle-execution.ts'
import { readHostnames } from '../wire/hostnames.ts'

/** May be repeated while the node has not ended it. */
export const cancelExecution = handle(
  adminApi.cancelExecution,
  async (
    { principal: { tenant_id }, params: { execution_id } },
    app: State & Waiters & Environment,
  ) => {
    const { row, node } = await app.change(async (unit) => {
      const before = await readExecution(unit.tx, execution_id, { tenant_id })
      if (!before) throw new ApiError('not_found', `there is no execution "${execution_id}"`)
      const change = cancel(before, unit.nowMs)
      const row = change ? await settleExecution(unit, before, change, app) : before
      return { row, node: unit.fleet.node(row.node_id) }
    })
    app.executions.changed(execution_id)
    const hostnameOf = await readHostnames(app, { tenantId: tenant_id, ids: [row.node_id] })
    const shown = await executionDetail(app.store.reader, row, hostnameOf(row.node_id))
    return { ...shown, message: messageOf(row, node) }
  },
)

function messageOf({ status, sent_at }: StoredExecution, node: NodeRecord | undefined): string {
  if (hasEnded(status))
    return sent_at === null
      ? 'it is cancelled: the node was not asked for it yet'
      : 'it is cancelled: the node had not accepted it; if it just does, it is told to end it, and what it reports counts'
  return node?.is_go
    ? 'the node runs it, and its agent cannot cancel: it goes on until it has ended'
    : 'the node was told to end it: it is cancelled when the node says so, or ends as it did before'
}
