import { ApiError, adminApi, type Execution, hasEnded } from '@plexd/protocol'
import type { Environment, State, Waiters } from '../../app.ts'
import { executionDetail, executionView } from '../../executions/view.ts'
import { handle } from '../../handle.ts'
import type { OperatorRecord } from '../../mesh/fleet.ts'
import {
  readExecution,
  readExecutionsBefore,
  type StoredExecution,
} from '../../rows/executions/executions.ts'
import { readRunsOf } from '../../rows/executions/run-nodes.ts'
import { findNodeEver } from '../wire/find-node.ts'
import { readHostnames } from '../wire/hostnames.ts'
import { boundsOf, cursorOf, nextOf } from '../wire/paging.ts'
import { readWhenDone } from '../wire/wait.ts'

export const listExecutions = handle(
  adminApi.listExecutions,
  async ({ principal, params, query }, app: State & Environment) => {
    const { id: nodeId, hostname } = await findNodeEver(app, principal, params.node)
    const [createdAt, id] = cursorOf(query, [0, '']) ?? [Number.MAX_SAFE_INTEGER, '']
    const page = await readExecutionsBefore(
      app.store.reader,
      { nodeId, status: query.status, createdAt: Number(createdAt), id: String(id) },
      boundsOf(query, app.config),
    )
    const runs = await readRunsOf(
      app.store.reader,
      page.rows.map((row) => row.id),
    )
    return {
      items: page.rows.map((row) => executionView(row, hostname, { run_id: runs.get(row.id) })),
      next: nextOf(page, (row) => [row.created_at, row.id]),
    }
  },
)

/** With `wait` it answers when the execution has finished, or with its current state after that time; 401 when the token is revoked. */
export const getExecution = handle(
  adminApi.getExecution,
  async (call, app: State & Waiters & Environment) => {
    const row = await readWhenDone(app, call, {
      id: call.params.execution_id,
      watch: app.executions,
      read: () => find(app, call.principal, call.params.execution_id),
      isDone: ({ status }) => hasEnded(status),
    })
    return shown(app, call.principal, row)
  },
)

async function shown(
  app: State,
  { tenant_id: tenantId }: OperatorRecord,
  row: StoredExecution,
): Promise<Execution> {
  const hostnameOf = await readHostnames(app, { tenantId, ids: [row.node_id] })
  return executionDetail(app.store.reader, row, hostnameOf(row.node_id))
}

async function find(
  { store }: State,
  { tenant_id }: OperatorRecord,
  id: string,
): Promise<StoredExecution> {
  const row = await readExecution(store.reader, id, { tenant_id })
  if (!row) throw new ApiError('not_found', `there is no execution "${id}"`)
  return row
}
