import { adminApi } from '@plexd/protocol'
import { sql } from 'kysely'
import { handle } from '../handle.ts'
import { answerJson } from '../http/answer-json.ts'
import { findNode } from './find-node.ts'
import { cursorOf, pageJson, readRows } from './paging.ts'
import { reportJson } from './report-view.ts'

/** By key. */
export const listReports = handle(
  adminApi.listReports,
  async ({ principal, params, query, reply }, { fleet, store, config }) => {
    const { id } = findNode(fleet, principal, params.node)
    const [key] = cursorOf(query, ['']) ?? ['']
    const reports = store.reader
      .selectFrom('reports')
      .where('node_id', '=', id)
      .where('key', '>', key)
      .orderBy('key')
    const { rows, next } = await readRows(reports, {
      bytes: sql`octet_length(payload)`,
      query,
      limits: config.limits,
      cursor: (row) => [row.key],
    })
    return answerJson(reply, pageJson(rows.map(reportJson), next))
  },
)
