import { adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { secretView } from './entry-view.ts'
import { cursorOf, limitOf, toPage } from './paging.ts'

/** By key, then by target. */
export const listSecrets = handle(adminApi.listSecrets, async ({ principal, query }, { store }) => {
  const limit = limitOf(query)
  const [key, target] = cursorOf(query, ['', '']) ?? ['', '']
  const rows = await store.reader
    .selectFrom('secrets')
    .select(['key', 'target', 'version', 'updated_at'])
    .where('tenant_id', '=', principal.tenant_id)
    .where(({ eb, refTuple, tuple }) => eb(refTuple('key', 'target'), '>', tuple(key, target)))
    .orderBy('key')
    .orderBy('target')
    .limit(limit + 1)
    .execute()
  return toPage(rows, limit, { item: secretView, cursor: (row) => [row.key, row.target] })
})
