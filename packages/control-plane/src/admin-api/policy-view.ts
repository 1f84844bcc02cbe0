import { isNodeId, type Policy, type PolicyRule } from '@plexd/protocol'
import type { Selectable } from 'kysely'
import type { Tables } from '../store/schema.ts'
import { readHostnames } from './hostnames.ts'
import { timestamp } from './timestamps.ts'

export type PolicyRow = Omit<Selectable<Tables['policies']>, 'tenant_id' | 'position'>

/** Policies of a tenant as an operator sees them. A rule may name any id, and those of others stay nameless. */
export async function policyViews(
  app: Parameters<typeof readHostnames>[0],
  tenantId: string,
  rows: readonly PolicyRow[],
): Promise<Policy[]> {
  const read = rows.map((row) => {
    const rules = JSON.parse(row.rules) as PolicyRule[] // written by us, checked when it came in
    return { ...row, rules, ids: idsOf(rules) }
  })
  const hostnameOf = await readHostnames(app, { tenantId, ids: read.flatMap(({ ids }) => ids) })
  return read.map(({ id, name, revision, rules, ids, updated_at }) => ({
    id,
    name,
    revision,
    rules,
    node_hostnames: Object.fromEntries(ids.map((node) => [node, hostnameOf(node)])),
    updated_at: timestamp(updated_at),
  }))
}

/** Those of the nodes that rules name by id. */
export function idsOf(rules: readonly PolicyRule[]): string[] {
  return [...new Set(rules.flatMap(({ from, to }) => [from, to]).filter(isNodeId))]
}
