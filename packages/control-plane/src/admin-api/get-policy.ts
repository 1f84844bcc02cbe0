import { ApiError, adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { policyViews } from './policy-view.ts'

export const getPolicy = handle(
  adminApi.getPolicy,
  async ({ principal: { tenant_id }, params: { name } }, app) => {
    const rows = await app.store.reader
      .selectFrom('policies')
      .selectAll()
      .where('tenant_id', '=', tenant_id)
      .where('name', '=', name)
      .execute()
    const [policy] = await policyViews(app, tenant_id, rows)
    if (!policy) throw new ApiError('not_found', `there is no policy "${name}"`)
    return policy
  },
)
