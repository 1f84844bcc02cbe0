import { adminApi } from '@plexd/protocol'
import { executionView } from '../executions/view.ts'
import { handle } from '../handle.ts'
import { findNodeEver } from './find-node.ts'
import { cursorOf, limitOf, toPage } from './paging.ts'

export const listExecutions = handle(
  adminApi.listExecutions,
  async ({ principal, params, query }, app) => {
    const { id: nodeId } = await findNodeEver(app, principal, params.node)
    const limit = limitOf(query)
    const [createdAt, id] = cursorOf(query, [0, '']) ?? [Number.MAX_SAFE_INTEGER, '']
    const rows = await app.store.reader
      .selectFrom('executions')
      .selectAll()
      .where('node_id', '=', nodeId)
      .where((where) =>
        where.or([
          where('created_at', '<', createdAt),
          where.and([where('created_at', '=', createdAt), where('id', '<', id)]),
        ]),
      )
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute()
    return toPage(rows, limit, { item: executionView, cursor: (row) => [row.created_at, row.id] })
  },
)
