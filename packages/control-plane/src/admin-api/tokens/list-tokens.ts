import { adminApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readTokensAfter } from '../../rows/bootstrap-tokens.ts'
import { readHostnames } from '../wire/hostnames.ts'
import { cursorOf, limitOf, toPage } from '../wire/paging.ts'
import { bootstrapTokenView } from './token-view.ts'

/** Without revoked tokens. Used and expired ones are included, because they show how nodes were enrolled. */
export const listTokens = handle(adminApi.listTokens, async ({ principal, query }, app: State) => {
  const limit = limitOf(query)
  const [createdAt, id] = cursorOf(query, [0, '']) ?? [0, '']
  const { tenant_id: tenantId } = principal
  const rows = await readTokensAfter(
    app.store.reader,
    { tenantId, createdAt: Number(createdAt), id: String(id) },
    limit + 1,
  )
  const hostnameOf = await readHostnames(app, {
    tenantId,
    ids: rows.map(({ node_id }) => node_id),
  })
  return toPage(rows, limit, {
    item: (row) => bootstrapTokenView(row, hostnameOf),
    cursor: (row) => [row.created_at, row.id],
  })
})
