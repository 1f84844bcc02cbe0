import { isNodeId, type Policy, type PolicyRule } from '@plexd/protocol'
import type { StoredPolicy } from '../../rows/fleet/policies.ts'
import { readHostnames } from '../wire/hostnames.ts'
import { timestamp } from '../wire/timestamps.ts'

type Names = Parameters<typeof readHostnames>[0]

/** Policies of a tenant as operators see them. A rule may contain any node id; those of other tenants are shown without a name. */
export async function policyViews(
  app: Names,
  tenantId: string,
  policies: readonly StoredPolicy[],
): Promise<Policy[]> {
  const named = policies.map((policy) => ({ policy, ids: idsOf(policy.rules) }))
  const hostnameOf = await readHostnames(app, { tenantId, ids: named.flatMap(({ ids }) => ids) })
  return named.map(({ policy: { id, name, revision, rules, updated_at }, ids }) => ({
    id,
    name,
    revision,
    rules: [...rules],
    node_hostnames: Object.fromEntries(ids.map((node) => [node, hostnameOf(node)])),
    updated_at: timestamp(updated_at),
  }))
}

export async function policyView(
  app: Names,
  tenantId: string,
  policy: StoredPolicy,
): Promise<Policy> {
  const [view] = await policyViews(app, tenantId, [policy])
  if (!view) throw new Error(`show policy "${policy.name}": it has no view`)
  return view
}

/** The names of the nodes that rules refer to by id. */
export function idsOf(rules: readonly PolicyRule[]): string[] {
  return [...new Set(rules.flatMap(({ from, to }) => [from, to]).filter(isNodeId))]
}
