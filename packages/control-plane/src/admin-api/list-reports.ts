import { adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { findNode } from './find-node.ts'
import { cursorOf, limitOf, toPage } from './paging.ts'
import { reportView } from './report-view.ts'

/** By key. */
export const listReports = handle(
  adminApi.listReports,
  async ({ principal, params, query }, { fleet, store }) => {
    const { id } = findNode(fleet, principal, params.node)
    const limit = limitOf(query)
    const [key] = cursorOf(query, ['']) ?? ['']
    const rows = await store.reader
      .selectFrom('reports')
      .selectAll()
      .where('node_id', '=', id)
      .where('key', '>', key)
      .orderBy('key')
      .limit(limit + 1)
      .execute()
    return toPage(rows, limit, { item: reportView, cursor: (row) => [row.key] })
  },
)
