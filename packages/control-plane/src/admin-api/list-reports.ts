import { adminApi } from '@plexd/protocol'
import { sql } from 'kysely'
import { handle } from '../handle.ts'
import { answerJson } from '../http/answer-json.ts'
import { findNode } from './find-node.ts'
import { cursorOf, limitOf, pageJson, readPage } from './paging.ts'
import { reportJson } from './report-view.ts'

/** By key. */
export const listReports = handle(
  adminApi.listReports,
  async ({ principal, params, query, reply }, { fleet, store, config }) => {
    const { id } = findNode(fleet, principal, params.node)
    const limit = limitOf(query)
    const [key] = cursorOf(query, ['']) ?? ['']
    const reports = store.reader
      .selectFrom('reports')
      .where('node_id', '=', id)
      .where('key', '>', key)
      .orderBy('key')
    const bytes = sql<number>`octet_length(payload)`.as('bytes')
    const { rows, next } = await readPage({
      sizes: await reports
        .select(bytes)
        .limit(limit + 1)
        .execute(),
      limit,
      maxBytes: config.limits.page_bytes,
      read: (count) => reports.selectAll().limit(count).execute(),
      cursor: (row) => [row.key],
    })
    return answerJson(reply, pageJson(rows.map(reportJson), next))
  },
)
