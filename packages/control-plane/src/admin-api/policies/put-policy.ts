import { ApiError, adminApi, newId, type PolicySpec } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import type { Unit } from '../../change.ts'
import { changePolicy } from '../../changes/policies.ts'
import { handle } from '../../handle.ts'
import type { Limits } from '../../limits.ts'
import type { Fleet, PolicyRecord } from '../../mesh/fleet.ts'
import { comparePairs } from '../../mesh/policies/connections.ts'
import { positionOf } from '../../mesh/policies/order.ts'
import { describeProblems, validatePolicy } from '../../mesh/policies/validate.ts'
import { policyWarnings } from '../../mesh/policies/warnings.ts'
import { readPolicy, type StoredPolicy } from '../../rows/fleet/policies.ts'
import { policyView, removedNodesOf } from './policy-view.ts'

/**
 * A new policy is placed after the others, but before `allow-all`; an existing one keeps its position. Writing the same
 * rules again changes nothing.
 */
export const putPolicy = handle(
  adminApi.putPolicy,
  async ({ principal, params, query, body }, app: State & Environment) => {
    if (body.name !== params.name)
      throw new ApiError('bad_request', `name "${body.name}" is not that of the path`)
    const { fleet, store, clock } = app
    const tenantId = principal.tenant_id
    const wanted = { spec: body, limits: app.config.limits }
    const removed = await removedNodesOf(store.reader, tenantId, body)
    const warningsOf = ({ after, policies }: Plan): string[] =>
      policyWarnings(after.id, { mesh: fleet.mesh(tenantId), policies, removed })
    if (query.dry_run === 'true') {
      const plan = planPut(fleet, tenantId, wanted)
      const pairs = comparePairs(fleet.mesh(tenantId), {
        before: fleet.policies(tenantId),
        after: plan.policies,
      })
      const policy = await policyView(app, tenantId, { ...plan.after, updated_at: clock.now() })
      return { ...policy, warnings: warningsOf(plan), pairs: pairs ?? null }
    }
    const { policy, plan } = await app.change((unit) => put(unit, tenantId, wanted))
    const warnings = warningsOf(plan)
    if (warnings.length > 0)
      app.log.warn('policy has parts that do nothing', {
        policy: policy.name,
        warnings: warnings.slice(0, 10),
      })
    return { ...(await policyView(app, tenantId, policy)), warnings }
  },
)

interface Wanted {
  spec: PolicySpec
  limits: Pick<Limits, 'policies'>
}

interface Plan {
  before: PolicyRecord | undefined
  after: PolicyRecord
  /** All policies of the tenant in their order after the change. */
  policies: PolicyRecord[]
}

/** The policy and its position if it were written. Throws an ApiError (400) with everything that is wrong with it. */
function planPut(fleet: Fleet, tenantId: string, { spec, limits }: Wanted): Plan {
  refuseProblems(fleet, tenantId, spec)
  const policies = fleet.policies(tenantId)
  const before = policies.find(({ name }) => name === spec.name)
  if (!before && policies.length >= limits.policies)
    throw new ApiError(
      'bad_request',
      `write policy "${spec.name}": there are ${policies.length}, and the limit policies is ${limits.policies}: remove one, or add its rules to another`,
    )
  const after: PolicyRecord = {
    id: before?.id ?? newId('policy'),
    tenant_id: tenantId,
    name: spec.name,
    revision: (before?.revision ?? 0) + 1,
    position: before?.position ?? positionOf(spec.name, policies),
    rules: spec.rules,
  }
  const others = policies.filter((policy) => policy !== before)
  return {
    before,
    after,
    policies: [...others, after].sort((a, b) => a.position - b.position),
  }
}

async function put(
  unit: Unit,
  tenantId: string,
  wanted: Wanted,
): Promise<{ policy: StoredPolicy; plan: Plan }> {
  const plan = planPut(unit.fleet, tenantId, wanted)
  const { before, after } = plan
  if (before && JSON.stringify(before.rules) === JSON.stringify(after.rules))
    return { policy: await read(unit, before), plan }
  await changePolicy(unit, { ...(before ? { before } : {}), after })
  return { policy: { ...after, updated_at: unit.nowMs }, plan }
}

function refuseProblems(fleet: Fleet, tenantId: string, spec: PolicySpec): void {
  const problems = validatePolicy(spec, fleet.mesh(tenantId))
  if (problems.length > 0)
    throw new ApiError('bad_request', describeProblems(problems), {
      details: { problems: problems.slice(0, 100) },
    })
}

async function read({ tx }: Unit, { id }: PolicyRecord): Promise<StoredPolicy> {
  const policy = await readPolicy(tx, id)
  if (!policy) throw new ApiError('not_found', 'the policy has just been deleted')
  return policy
}
