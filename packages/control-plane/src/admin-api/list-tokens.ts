import { adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { readHostnames } from './hostnames.ts'
import { cursorOf, limitOf, toPage } from './paging.ts'
import { bootstrapTokenView } from './token-view.ts'

/** Revoked tokens are left out; used and expired ones are not, for they tell how nodes came to be. */
export const listTokens = handle(adminApi.listTokens, async ({ principal, query }, app) => {
  const limit = limitOf(query)
  const [createdAt, id] = cursorOf(query, [0, '']) ?? [0, '']
  const rows = await app.store.reader
    .selectFrom('bootstrap_tokens')
    .selectAll()
    .where('tenant_id', '=', principal.tenant_id)
    .where('revoked_at', 'is', null)
    .where((where) =>
      where.or([
        where('created_at', '>', Number(createdAt)),
        where.and([where('created_at', '=', Number(createdAt)), where('id', '>', String(id))]),
      ]),
    )
    .orderBy('created_at')
    .orderBy('id')
    .limit(limit + 1)
    .execute()
  const hostnameOf = await readHostnames(app, {
    tenantId: principal.tenant_id,
    ids: rows.map(({ node_id }) => node_id),
  })
  return toPage(rows, limit, {
    item: (row) => bootstrapTokenView(row, hostnameOf),
    cursor: (row) => [row.created_at, row.id],
  })
})
