import { ApiError, adminApi, newId, type Policy, type PolicySpec } from '@plexd/protocol'
import { changePolicy } from '../announce.ts'
import type { Unit } from '../change.ts'
import { handle } from '../handle.ts'
import type { PolicyRecord } from '../mesh/fleet.ts'
import { skippedRules } from '../mesh/mesh.ts'
import { positionOf } from '../mesh/policy-order.ts'
import { describeProblems, validatePolicy } from '../mesh/policy-validate.ts'
import { policyView } from './policy-view.ts'

const maxPolicies = 1_000

/**
 * A new policy applies behind the others, but in front of `allow-all`; one that is there keeps its place. The same
 * rules again are no change.
 */
export const putPolicy = handle(adminApi.putPolicy, async ({ principal, params, body }, app) => {
  if (body.name !== params.name)
    throw new ApiError('bad_request', `body/name "${body.name}" is not that of the path`)
  const { policy, skipped } = await app.change((unit) => put(unit, principal.tenant_id, body))
  for (const rule of skipped) app.log.warn('policy rule has no effect', { ...rule })
  return policy
})

async function put(unit: Unit, tenantId: string, spec: PolicySpec) {
  refuseProblems(unit, tenantId, spec)
  const others = unit.fleet.policies(tenantId)
  const before = others.find(({ name }) => name === spec.name)
  const rules = JSON.stringify(spec.rules)
  if (before && JSON.stringify(before.rules) === rules)
    return { policy: await read(unit, before), skipped: [] }
  if (!before && others.length >= maxPolicies)
    throw new ApiError('bad_request', `a tenant has ${maxPolicies} policies at most`)
  const after: PolicyRecord = {
    id: before?.id ?? newId('policy'),
    tenant_id: tenantId,
    name: spec.name,
    revision: (before?.revision ?? 0) + 1,
    position: before?.position ?? positionOf(spec.name, others),
    rules: spec.rules,
  }
  const row = { ...after, rules, updated_at: unit.nowMs }
  await unit.tx
    .insertInto('policies')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute()
  await changePolicy(unit, { ...(before ? { before } : {}), after })
  return { policy: policyView(row), skipped: skippedRules(after, unit.fleet.mesh(tenantId)) }
}

function refuseProblems(unit: Unit, tenantId: string, spec: PolicySpec): void {
  const problems = validatePolicy(spec, unit.fleet.mesh(tenantId).range)
  if (problems.length > 0)
    throw new ApiError('bad_request', describeProblems(problems), {
      details: { problems: problems.slice(0, 100) },
    })
}

async function read({ tx }: Unit, { id }: PolicyRecord): Promise<Policy> {
  const row = await tx.selectFrom('policies').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw new ApiError('not_found', 'the policy has just been deleted')
  return policyView(row)
}
