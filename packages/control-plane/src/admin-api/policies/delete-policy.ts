import { ApiError, adminApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { changePolicy } from '../../changes/policies.ts'
import { handle } from '../../handle.ts'
import type { Fleet, PolicyRecord } from '../../mesh/fleet.ts'
import { comparePairs } from '../../mesh/policies/connections.ts'

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
