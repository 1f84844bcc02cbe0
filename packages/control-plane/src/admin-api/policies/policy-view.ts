import { isNodeId, type Policy, type PolicyRule, type PolicySpec } from '@plexd/protocol'
import { readRemovedNames } from '../../rows/fleet/node-lookups.ts'
import type { StoredPolicy } from '../../rows/fleet/policies.ts'
import type { Reader } from '../../store/db.ts'
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
function idsOf(rules: readonly PolicyRule[]): string[] {
  return [...new Set(rules.flatMap(({ from, to }) => [from, to]).filter(isNodeId))]
}

/** SQLite accepts some ten thousand parameters per statement; no policy names that many removed nodes. */
const maxIds = 1_000

/** The removed nodes that a policy names by id, with their last hostnames. */
export async function removedNodesOf(
  reader: Reader,
  tenantId: string,
  { rules }: PolicySpec,
): Promise<ReadonlyMap<string, string>> {
  const ids = idsOf(rules)
  if (ids.length === 0) return new Map()
  const names = await readRemovedNames(reader, tenantId, ids.slice(0, maxIds))
  return new Map(names.map(({ id, hostname }) => [id, hostname]))
}
