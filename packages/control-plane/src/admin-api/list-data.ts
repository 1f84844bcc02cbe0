import { adminApi } from '@plexd/protocol'
import { sql } from 'kysely'
import { handle } from '../handle.ts'
import { answerJson } from '../http/answer-json.ts'
import { readPage } from '../rows/page.ts'
import { dataEntryJson, readTargetNames } from './entry-view.ts'
import { boundsOf, cursorOf, nextOf, pageJson } from './paging.ts'

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
  const page = await readPage(entries, sql`octet_length(payload)`, boundsOf(query, config))
  const hostnameOf = await readTargetNames(app, principal.tenant_id, page.rows)
  const items = page.rows.map((row) => dataEntryJson(row, hostnameOf))
  return answerJson(
    reply,
    pageJson(
      items,
      nextOf(page, (row) => [row.key, row.target]),
    ),
  )
})
