import { adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { dataEntryView } from './entry-view.ts'
import { cursorOf, limitOf, toPage } from './paging.ts'

/** By key, then by target. */
export const listData = handle(adminApi.listData, async ({ principal, query }, { store }) => {
  const limit = limitOf(query)
  const [key, target] = cursorOf(query, ['', '']) ?? ['', '']
  const rows = await store.reader
    .selectFrom('data_entries')
    .selectAll()
    .where('tenant_id', '=', principal.tenant_id)
    .where((where) =>
      where.or([
        where('key', '>', key),
        where.and([where('key', '=', key), where('target', '>', target)]),
      ]),
    )
    .orderBy('key')
    .orderBy('target')
    .limit(limit + 1)
    .execute()
  return toPage(rows, limit, { item: dataEntryView, cursor: (row) => [row.key, row.target] })
})
