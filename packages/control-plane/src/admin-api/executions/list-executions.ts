import { adminApi } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import { executionView } from '../../executions/view.ts'
import { handle } from '../../handle.ts'
import { readExecutionsBefore } from '../../rows/executions.ts'
import { findNodeEver } from '../wire/find-node.ts'
import { boundsOf, cursorOf, nextOf } from '../wire/paging.ts'

export const listExecutions = handle(
  adminApi.listExecutions,
  async ({ principal, params, query }, app: State & Environment) => {
    const { id: nodeId, hostname } = await findNodeEver(app, principal, params.node)
    const [createdAt, id] = cursorOf(query, [0, '']) ?? [Number.MAX_SAFE_INTEGER, '']
    const page = await readExecutionsBefore(
      app.store.reader,
      { nodeId, createdAt: Number(createdAt), id: String(id) },
      boundsOf(query, app.config),
    )
    return {
      items: page.rows.map((execution) => executionView(execution, hostname)),
      next: nextOf(page, (row) => [row.created_at, row.id]),
    }
  },
)
