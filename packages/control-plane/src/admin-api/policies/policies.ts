import { ApiError, adminApi } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import { changePolicy } from '../../changes/policies.ts'
import { handle } from '../../handle.ts'
import type { Fleet, PolicyRecord } from '../../mesh/fleet.ts'
import { comparePairs } from '../../mesh/policies/connections.ts'
import { readPoliciesAfter, readPolicyNamed } from '../../rows/fleet/policies.ts'
import { boundsOf, cursorOf, nextOf } from '../wire/paging.ts'
import { policyView, policyViews } from './policy-view.ts'

/** In the order they apply. */
export const listPolicies = handle(
  adminApi.listPolicies,
  async ({ principal, query }, app: State & Environment) => {
    const { tenant_id: tenantId } = principal
    const [position] = cursorOf(query, [0]) ?? [Number.MIN_SAFE_INTEGER]
    const bounds = boundsOf(query, app.config)
    const page = await readPoliciesAfter(app.store.reader, { tenantId, position }, bounds)
    const items = await policyViews(app, tenantId, page.rows)
    return { items, next: nextOf(page, (row) => [row.position]) }
  },
)

export const getPolicy = handle(
  adminApi.getPolicy,
  async ({ principal: { tenant_id }, params: { name } }, app: State) => {
    const policy = await readPolicyNamed(app.store.reader, tenant_id, name)
    if (!policy) throw new ApiError('not_found', `there is no policy "${name}"`)
    return policyView(app, tenant_id, policy)
  },
)

export const deletePolicy = handle(
  adminApi.deletePolicy,
  async ({ principal: { tenant_id }, params, query }, app: State) => {
    const { fleet } = app
    if (query.dry_run === 'true') {
      const gone = find(fleet, tenant_id, params.name)
      const before = fleet.policies(tenant_id)
      const after = before.filter((policy) => policy !== gone)
      return { warnings: [], pairs: comparePairs(fleet.mesh(tenant_id), { before, after }) ?? null }
    }
    await app.change(async (unit) => {
      const before = find(unit.fleet, tenant_id, params.name)
      await changePolicy(unit, { before })
    })
    return { warnings: [] }
  },
)

function find(fleet: Fleet, tenantId: string, name: string): PolicyRecord {
  const policy = fleet.policies(tenantId).find((other) => other.name === name)
  if (policy) return policy
  throw new ApiError('not_found', `there is no policy "${name}"`)
}
