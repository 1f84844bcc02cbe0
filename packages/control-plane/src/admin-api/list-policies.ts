import { adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { policyView } from './policy-view.ts'

export const listPolicies = handle(adminApi.listPolicies, async ({ principal }, { store }) => {
  const rows = await store.reader
    .selectFrom('policies')
    .selectAll()
    .where('tenant_id', '=', principal.tenant_id)
    .orderBy('position')
    .execute()
  return { items: rows.map(policyView) }
})
