import { adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { readTargetNames, secretView } from './entry-view.ts'
import { cursorOf, limitOf, toPage } from './paging.ts'

/** By key, then by target. */
export const listSecrets = handle(adminApi.listSecrets, async ({ principal, query }, app) => {
  const limit = limitOf(query)
  const [key, target] = cursorOf(query, ['', '']) ?? ['', '']
  const rows = await app.store.reader
    .selectFrom('secrets')
    .select(['key', 'target', 'version', 'updated_at'])
    .where('tenant_id', '=', principal.tenant_id)
    .where(({ eb, refTuple, tuple }) => eb(refTuple('key', 'target'), '>', tuple(key, target)))
    .orderBy('key')
    .orderBy('target')
    .limit(limit + 1)
    .execute()
  const hostnameOf = await readTargetNames(app, principal.tenant_id, rows)
  return toPage(rows, limit, {
    item: (row) => secretView(row, hostnameOf),
    cursor: (row) => [row.key, row.target],
  })
})
