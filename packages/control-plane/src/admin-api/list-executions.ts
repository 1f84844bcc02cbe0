import { adminApi } from '@plexd/protocol'
import { sql } from 'kysely'
import { executionView } from '../executions/view.ts'
import { handle } from '../handle.ts'
import { findNodeEver } from './find-node.ts'
import { cursorOf, limitOf, readPage } from './paging.ts'

export const listExecutions = handle(
  adminApi.listExecutions,
  async ({ principal, params, query }, app) => {
    const { store, config } = app
    const { id: nodeId } = await findNodeEver(app, principal, params.node)
    const limit = limitOf(query)
    const [createdAt, id] = cursorOf(query, [0, '']) ?? [Number.MAX_SAFE_INTEGER, '']
    const executions = store.reader
      .selectFrom('executions')
      .where('node_id', '=', nodeId)
      .where((where) =>
        where.or([
          where('created_at', '<', createdAt),
          where.and([where('created_at', '=', createdAt), where('id', '<', id)]),
        ]),
      )
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
    const bytes = sql<number>`octet_length(stdout) + octet_length(stderr) + octet_length(parameters)`
    const { rows, next } = await readPage({
      sizes: await executions
        .select(bytes.as('bytes'))
        .limit(limit + 1)
        .execute(),
      limit,
      maxBytes: config.limits.page_bytes,
      read: (count) => executions.selectAll().limit(count).execute(),
      cursor: (row) => [row.created_at, row.id],
    })
    return { items: rows.map(executionView), next }
  },
)
