import type { PairChange, Side } from '@plexd/protocol'
import { type MeshNode, sideHas } from '../rule-side.ts'
import { type MeshPolicy, type MeshRule, rulesOf, type TenantMesh } from '../tenant-mesh.ts'

/** The limit of comparisons, so that the event loop is blocked for at most a tenth of a second. */
const maxSteps = 300_000

/**
 * How many pairs of nodes can exchange any packets under the rules, before and after a change. Nodes
 * that match the same sides are counted together, which makes it fast for a large mesh with few labels. Undefined if it
 * would take too long. Assumes the agents' default for unmatched flows: deny.
 */
export function comparePairs(
  { ranges, nodes }: Pick<TenantMesh, 'ranges' | 'nodes'>,
  { before, after }: { before: readonly MeshPolicy[]; after: readonly MeshPolicy[] },
): PairChange | undefined {
  const [old, now] = [before, after].map((policies) =>
    policies.flatMap((policy) => rulesOf(policy, ranges)),
  ) as [MeshRule[], MeshRule[]]
  const sides = [...new Set([...old, ...now].flatMap(({ from, to }) => [from, to]))]
  const all = [...nodes]
  if (all.length * sides.length > maxSteps) return undefined
  const kinds = kindsOf(all, sides)
  if (kinds.length ** 2 * (old.length + now.length) > maxSteps) return undefined
  const change = { gained: 0, lost: 0 }
  for (const [at, a] of kinds.entries())
    for (const b of kinds.slice(at)) {
      const [was, is] = [isJoined(old, a, b), isJoined(now, a, b)]
      const pairs = a === b ? (a.count * (a.count - 1)) / 2 : a.count * b.count
      if (is && !was) change.gained += pairs
      if (was && !is) change.lost += pairs
    }
  return change
}

interface Kind {
  sides: ReadonlySet<Side>
  count: number
}

function kindsOf(nodes: readonly MeshNode[], sides: readonly Side[]): Kind[] {
  const kinds = new Map<string, Kind>()
  for (const node of nodes) {
    const own = sides.map((side) => sideHas(side, node))
    const name = own.map(Number).join('')
    kinds.getOrInsertComputed(name, () => ({
      sides: new Set(sides.filter((_, index) => own[index])),
      count: 0,
    })).count++
  }
  return [...kinds.values()]
}

function isJoined(rules: readonly MeshRule[], a: Kind, b: Kind): boolean {
  return lets(rules, a, b) || lets(rules, b, a)
}

/** Whether any packet gets from one to the other: the first matching rule decides. */
function lets(rules: readonly MeshRule[], a: Kind, b: Kind): boolean {
  const denied: MeshRule[] = []
  for (const rule of rules) {
    if (!a.sides.has(rule.from) || !b.sides.has(rule.to)) continue
    if (rule.action === 'deny') denied.push(rule)
    else if (!denied.some((deny) => leavesNothing(deny, rule))) return true
  }
  return false
}

function leavesNothing(deny: MeshRule, allow: MeshRule): boolean {
  return (
    (deny.protocol === '' || deny.protocol === allow.protocol) &&
    (deny.port === 0 || deny.port === allow.port)
  )
}
