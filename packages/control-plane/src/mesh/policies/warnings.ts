import { isWithin, nearest, type Side } from '@plexd/protocol'
import type { PolicyRecord } from '../fleet.ts'
import { didYouMean, type KnownNames, knownNames, selectorHint } from '../labels/selector-hint.ts'
import { type MeshNode, sideHas } from '../rule-side.ts'
import { type MeshRule, rulesOf, type TenantMesh } from '../tenant-mesh.ts'
import { covers } from './cover.ts'

export interface PolicySight {
  mesh: Pick<TenantMesh, 'ranges' | 'nodes'>
  /** In the order in which they apply, including the policy in question. */
  policies: readonly Pick<PolicyRecord, 'id' | 'name' | 'rules'>[]
  /** The hostnames of removed nodes, by id. */
  removed: ReadonlyMap<string, string>
}

const maxWarnings = 100
/** The limits of rule pairs and of nodes per side that the event loop can afford to check. */
const maxCompared = 300_000
const maxLooked = 300_000

/** The parts of a policy that have no effect in the current mesh; it is accepted anyway. Pure. */
export function policyWarnings(policyId: string, sight: PolicySight): string[] {
  const own = sight.policies.find(({ id }) => id === policyId)
  if (!own) return []
  const known = knownNames(sight.mesh.nodes)
  const sides = new Map<Side, string | undefined>()
  let looked = 0
  const lookAt = (side: Side): string | undefined => {
    looked += known.hostnames.length
    return troubleOf(side, sight, known)
  }
  const warnings = rulesOf(own, sight.mesh.ranges).flatMap((rule) =>
    (['from', 'to'] as const).flatMap((field) => {
      const side = rule[field]
      if (!sides.has(side) && looked <= maxLooked) sides.set(side, lookAt(side))
      const trouble = sides.get(side)
      const text = own.rules[rule.index]?.[field]
      return trouble === undefined ? [] : [`rule ${rule.index}: ${field} "${text}": ${trouble}`]
    }),
  )
  if (looked > maxLooked) warnings.push('there are too many sides to look who is on each')
  return [...warnings, ...shadows(own.id, sight)].slice(0, maxWarnings)
}

/** Why a side matches no node; undefined if it matches one. */
function troubleOf(
  side: Side,
  { mesh: { ranges, nodes }, removed }: PolicySight,
  known: KnownNames,
): string | undefined {
  if (side.kind === 'all') return undefined
  if (side.kind === 'cidr' && ranges.some((range) => isWithin(range, side.cidr))) return undefined
  const members = membersOf(side, nodes)
  if (side.kind === 'hostname' && members > 1) return 'more than one node is called so: rename them'
  if (members > 0) return undefined
  switch (side.kind) {
    case 'cidr':
      return 'no node has an address in it'
    case 'node':
      return removed.has(side.id)
        ? `that node, "${removed.get(side.id)}", was removed`
        : 'there is no such node'
    case 'hostname':
      return `no node is called so${didYouMean(nearest(`node:${side.hostname}`, known.hostnames))}`
    case 'selector':
      return `it matches no node${selectorHint(side.selector, known)}`
  }
}

/** Stops at two, because more make no difference. */
function membersOf(side: Side, nodes: Iterable<MeshNode>): number {
  let members = 0
  for (const node of nodes) if (sideHas(side, node) && ++members > 1) break
  return members
}

/** Rules that never match, because an earlier one, of this policy or another, matches everything they do. */
function shadows(policyId: string, { policies, mesh: { ranges } }: PolicySight): string[] {
  const earlier: { name: string; rule: MeshRule }[] = []
  const warnings: string[] = []
  let compared = 0
  for (const policy of policies) {
    for (const rule of rulesOf(policy, ranges)) {
      if (policy.id === policyId) {
        compared += earlier.length
        if (compared > maxCompared)
          return [...warnings, 'there are too many rules to tell which of the others do nothing']
        const shadow = earlier.find((other) => covers(other.rule, rule, ranges))
        if (shadow)
          warnings.push(
            `rule ${rule.index}: it does nothing, because rule ${shadow.rule.index} of "${shadow.name}" comes first and ${shadow.rule.action === 'allow' ? 'allows' : 'denies'} all of it`,
          )
      }
      earlier.push({ name: policy.name, rule })
    }
    if (policy.id === policyId) break
  }
  return warnings
}
