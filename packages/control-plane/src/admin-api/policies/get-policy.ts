import { ApiError, adminApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readPolicyNamed } from '../../rows/fleet/policies.ts'
import { policyView } from './policy-view.ts'

export const getPolicy = handle(
  adminApi.getPolicy,
  async ({ principal: { tenant_id }, params: { name } }, app: State) => {
    const policy = await readPolicyNamed(app.store.reader, tenant_id, name)
    if (!policy) throw new ApiError('not_found', `there is no policy "${name}"`)
    return policyView(app, tenant_id, policy)
  },
)
