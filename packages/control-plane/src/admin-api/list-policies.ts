import { adminApi } from '@plexd/protocol'
import { sql } from 'kysely'
import { handle } from '../handle.ts'
import { cursorOf, limitOf, readPage } from './paging.ts'
import { policyView } from './policy-view.ts'

/** In the order they apply. */
export const listPolicies = handle(
  adminApi.listPolicies,
  async ({ principal, query }, { store, config }) => {
    const limit = limitOf(query)
    const [position] = cursorOf(query, [0]) ?? [Number.MIN_SAFE_INTEGER]
    const policies = store.reader
      .selectFrom('policies')
      .where('tenant_id', '=', principal.tenant_id)
      .where('position', '>', position)
      .orderBy('position')
    const { rows, next } = await readPage({
      sizes: await policies
        .select(sql<number>`octet_length(rules)`.as('bytes'))
        .limit(limit + 1)
        .execute(),
      limit,
      maxBytes: config.limits.page_bytes,
      read: (count) => policies.selectAll().limit(count).execute(),
      cursor: (row) => [row.position],
    })
    return { items: rows.map(policyView), next }
  },
)
