import { ApiError, adminApi } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import type { OperatorRecord } from '../../mesh/fleet.ts'
import { readRunNodesAfter } from '../../rows/executions/run-nodes.ts'
import { readRun, readRunsBefore, type StoredRun } from '../../rows/executions/runs.ts'
import { runNodeView, runView, storedStatus } from '../../runs/view.ts'
import type { Reader } from '../../store/db.ts'
import { readHostnames } from '../wire/hostnames.ts'
import { boundsOf, cursorOf, nextOf } from '../wire/paging.ts'

export const listRuns = handle(
  adminApi.listRuns,
  async ({ principal, query }, app: State & Environment) => {
    const [createdAt, id] = cursorOf(query, [0, '']) ?? [Number.MAX_SAFE_INTEGER, '']
    const page = await readRunsBefore(
      app.store.reader,
      {
        tenantId: principal.tenant_id,
        createdAt: Number(createdAt),
        id: String(id),
        state: query.state,
      },
      boundsOf(query, app.config),
    )
    return {
      items: page.rows.map(runView),
      next: nextOf(page, (row) => [row.created_at, row.id]),
    }
  },
)

export const getRun = handle(
  adminApi.getRun,
  async ({ principal, params }, { store }: State & Environment) =>
    runView(await findRun(store.reader, principal, params.run_id)),
)

export const listRunNodes = handle(
  adminApi.listRunNodes,
  async ({ principal, params, query }, app: State & Environment) => {
    const { reader } = app.store
    const run = await findRun(reader, principal, params.run_id)
    const [position] = cursorOf(query, [0]) ?? [-1]
    const status = query.status && storedStatus(run, query.status)
    if (query.status !== undefined && status === undefined) return { items: [], next: null }
    const bounds = boundsOf(query, app.config)
    const page = await readRunNodesAfter(reader, { runId: run.id, position, status }, bounds)
    const ids = page.rows.map(({ node_id }) => node_id)
    const hostnameOf = await readHostnames(app, { tenantId: run.tenant_id, ids })
    return {
      items: page.rows.map((node) => runNodeView(run, node, hostnameOf(node.node_id))),
      next: nextOf(page, (node) => [node.position]),
    }
  },
)

/** A run of the operator's tenant. Throws an ApiError (404). */
export async function findRun(
  reader: Reader,
  { tenant_id }: OperatorRecord,
  id: string,
): Promise<StoredRun> {
  const run = await readRun(reader, id, tenant_id)
  if (!run) throw new ApiError('not_found', `there is no run "${id}"`)
  return run
}
