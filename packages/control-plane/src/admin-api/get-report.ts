import { ApiError, adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { answerJson } from '../http/answer-json.ts'
import { findNode } from './find-node.ts'
import { reportJson } from './report-view.ts'

export const getReport = handle(
  adminApi.getReport,
  async ({ principal, params: { node, key }, reply }, { fleet, store }) => {
    const { id } = findNode(fleet, principal, node)
    const row = await store.reader
      .selectFrom('reports')
      .selectAll()
      .where('node_id', '=', id)
      .where('key', '=', key)
      .executeTakeFirst()
    if (!row) throw new ApiError('not_found', `node "${node}" has no report "${key}"`)
    return answerJson(reply, reportJson(row))
  },
)
