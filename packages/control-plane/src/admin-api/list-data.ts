import { adminApi } from '@plexd/protocol'
import { sql } from 'kysely'
import { handle } from '../handle.ts'
import { answerJson } from '../http/answer-json.ts'
import { dataEntryJson } from './entry-view.ts'
import { cursorOf, limitOf, pageJson, readPage } from './paging.ts'

/** By key, then by target. */
export const listData = handle(
  adminApi.listData,
  async ({ principal, query, reply }, { store, config }) => {
    const limit = limitOf(query)
    const [key, target] = cursorOf(query, ['', '']) ?? ['', '']
    const entries = store.reader
      .selectFrom('data_entries')
      .where('tenant_id', '=', principal.tenant_id)
      .where((where) =>
        where.or([
          where('key', '>', key),
          where.and([where('key', '=', key), where('target', '>', target)]),
        ]),
      )
      .orderBy('key')
      .orderBy('target')
    const bytes = sql<number>`octet_length(payload)`.as('bytes')
    const { rows, next } = await readPage({
      sizes: await entries
        .select(bytes)
        .limit(limit + 1)
        .execute(),
      limit,
      maxBytes: config.limits.page_bytes,
      read: (count) => entries.selectAll().limit(count).execute(),
      cursor: (row) => [row.key, row.target],
    })
    return answerJson(reply, pageJson(rows.map(dataEntryJson), next))
  },
)
