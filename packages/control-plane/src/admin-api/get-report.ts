import { ApiError, adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { findNode } from './find-node.ts'
import { reportView } from './report-view.ts'

export const getReport = handle(
  adminApi.getReport,
  async ({ principal, params: { node, key } }, { fleet, store }) => {
    const { id } = findNode(fleet, principal, node)
    const row = await store.reader
      .selectFrom('reports')
      .selectAll()
      .where('node_id', '=', id)
      .where('key', '=', key)
      .executeTakeFirst()
    if (!row) throw new ApiError('not_found', `node "${node}" has no report "${key}"`)
    return reportView(row)
  },
)
