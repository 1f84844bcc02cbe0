import { adminApi } from '@plexd/protocol'
import { sql } from 'kysely'
import { handle } from '../handle.ts'
import { readPage } from '../rows/page.ts'
import { boundsOf, cursorOf, nextOf } from './paging.ts'
import { policyViews } from './policy-view.ts'

/** In the order they apply. */
export const listPolicies = handle(adminApi.listPolicies, async ({ principal, query }, app) => {
  const { store, config } = app
  const [position] = cursorOf(query, [0]) ?? [Number.MIN_SAFE_INTEGER]
  const policies = store.reader
    .selectFrom('policies')
    .where('tenant_id', '=', principal.tenant_id)
    .where('position', '>', position)
    .orderBy('position')
  const page = await readPage(policies, sql`octet_length(rules)`, boundsOf(query, config))
  const items = await policyViews(app, principal.tenant_id, page.rows)
  return { items, next: nextOf(page, (row) => [row.position]) }
})
