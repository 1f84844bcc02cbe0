import { adminApi } from '@plexd/protocol'
import { sql } from 'kysely'
import { handle } from '../handle.ts'
import { answerJson } from '../http/answer-json.ts'
import { dataEntryJson, readTargetNames } from './entry-view.ts'
import { cursorOf, pageJson, readRows } from './paging.ts'

/** By key, then by target. */
export const listData = handle(adminApi.listData, async ({ principal, query, reply }, app) => {
  const { store, config } = app
  const [key, target] = cursorOf(query, ['', '']) ?? ['', '']
  const entries = store.reader
    .selectFrom('data_entries')
    .where('tenant_id', '=', principal.tenant_id)
    .where(({ eb, refTuple, tuple }) => eb(refTuple('key', 'target'), '>', tuple(key, target)))
    .orderBy('key')
    .orderBy('target')
  const { rows, next } = await readRows(entries, {
    bytes: sql`octet_length(payload)`,
    query,
    limits: config.limits,
    cursor: (row) => [row.key, row.target],
  })
  const hostnameOf = await readTargetNames(app, principal.tenant_id, rows)
  const items = rows.map((row) => dataEntryJson(row, hostnameOf))
  return answerJson(reply, pageJson(items, next))
})
