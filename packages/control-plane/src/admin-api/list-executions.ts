import { adminApi } from '@plexd/protocol'
import { sql } from 'kysely'
import { executionView } from '../executions/view.ts'
import { handle } from '../handle.ts'
import { findNodeEver } from './find-node.ts'
import { cursorOf, readRows } from './paging.ts'

export const listExecutions = handle(
  adminApi.listExecutions,
  async ({ principal, params, query }, app) => {
    const { store, config } = app
    const { id: nodeId, hostname } = await findNodeEver(app, principal, params.node)
    const [createdAt, id] = cursorOf(query, [0, '']) ?? [Number.MAX_SAFE_INTEGER, '']
    const executions = store.reader
      .selectFrom('executions')
      .where('node_id', '=', nodeId)
      .where(({ eb, refTuple, tuple }) =>
        eb(refTuple('created_at', 'id'), '<', tuple(createdAt, id)),
      )
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
    const { rows, next } = await readRows(executions, {
      bytes: sql`octet_length(stdout) + octet_length(stderr) + octet_length(parameters)`,
      query,
      limits: config.limits,
      cursor: (row) => [row.created_at, row.id],
    })
    return { items: rows.map((row) => executionView(row, hostname)), next }
  },
)
