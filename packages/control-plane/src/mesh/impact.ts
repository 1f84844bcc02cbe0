import type { PolicyRule, Side } from '@plexd/protocol'
import { isList, type MeshNode, sideHas } from './rule-side.ts'
import { type MeshPolicy, type MeshRule, rulesOf, type TenantMesh } from './tenant-mesh.ts'
import { isVisible, membersOf, peersOf } from './visibility.ts'

/** The nodes that must be told of a change. The cost is proportional to the change: unaffected rules are skipped. */
export interface NodeImpact<N> {
  /** Nodes that become peers of the changed one. */
  appeared: N[]
  /** Nodes that cease to be its peers. */
  vanished: N[]
  /** Other nodes whose compiled rules change. */
  recompiled: N[]
}

/**
 * The effect of adding a node (no `before`), removing it (no `after`), relabelling or renaming it.
 * `mesh` may be from before or after the change: the node itself is not looked up in it.
 */
export function impactOfNode<N extends MeshNode>(
  mesh: TenantMesh<N>,
  { before, after }: { before?: MeshNode; after?: MeshNode },
): NodeImpact<N> {
  const changed = (before ?? after)?.id
  const saw = before ? peersOf(mesh, before) : []
  const sees = after ? peersOf(mesh, after) : []
  return {
    appeared: without(sees, saw),
    vanished: without(saw, sees),
    recompiled: membersOf(mesh, sidesOpposite(mesh, before, after), changed),
  }
}

function without<N extends MeshNode>(nodes: readonly N[], others: readonly N[]): N[] {
  if (others.length === 0) return [...nodes]
  const ids = new Set(others.map(({ id }) => id))
  return nodes.filter(({ id }) => !ids.has(id))
}

/** The sides opposite to those that the node joins or leaves: nodes on them have, or had, its address in a rule. */
function sidesOpposite(mesh: TenantMesh, before?: MeshNode, after?: MeshNode): Side[] {
  const joinsOrLeaves = (side: Side): boolean =>
    isList(side) && (!!before && sideHas(side, before)) !== (!!after && sideHas(side, after))
  const rules = mesh.policies.flatMap((policy) => rulesOf(policy, mesh.ranges))
  const sides = rules.flatMap(({ from, to }) => [
    ...(joinsOrLeaves(from) ? [to] : []),
    ...(joinsOrLeaves(to) ? [from] : []),
  ])
  return [...new Set(sides)]
}

export interface PolicyImpact<N> {
  /** Nodes involved in a rule that was added, removed or moved. */
  involved: N[]
  /**
   * Pairs that become peers or cease to be; undefined if there are too many to compute, so that it is cheaper for the nodes
   * involved to pull their state.
   */
  flips: PairFlip<N>[] | undefined
}

export interface PairFlip<N> {
  a: N
  b: N
  visible: boolean
}

/** The maximum number of pairs to check before the event loop is blocked for too long. */
const maxPairs = 10_000

/** The effect of replacing the policy `before`, or removing it. `mesh` may be from before or after the change. */
export function impactOfPolicy<N extends MeshNode>(
  mesh: TenantMesh<N>,
  { before, after }: { before?: MeshPolicy | undefined; after?: MeshPolicy | undefined },
): PolicyImpact<N> {
  const changed = changedRules(mesh, before, after)
  const sides = [...new Set(changed.flatMap(({ from, to }) => [from, to]))]
  return {
    involved: [...mesh.nodes].filter((node) => sides.some((side) => sideHas(side, node))),
    flips: flipsOf(mesh, before, after),
  }
}

function changedRules(mesh: TenantMesh, before?: MeshPolicy, after?: MeshPolicy): MeshRule[] {
  const [old, now] = [before?.rules ?? [], after?.rules ?? []]
  const start = commonLength(old, now)
  const end = commonLength(old.slice(start).toReversed(), now.slice(start).toReversed())
  const middle = (policy: MeshPolicy | undefined): readonly MeshRule[] =>
    policy
      ? rulesOf(
          { id: policy.id, rules: policy.rules.slice(start, policy.rules.length - end) },
          mesh.ranges,
        )
      : []
  return [...middle(before), ...middle(after)]
}

function commonLength(a: readonly PolicyRule[], b: readonly PolicyRule[]): number {
  const texts = b.map((rule) => JSON.stringify(rule))
  const first = a.findIndex((rule, index) => JSON.stringify(rule) !== texts[index])
  return first === -1 ? a.length : first
}

function flipsOf<N extends MeshNode>(
  mesh: TenantMesh<N>,
  before?: MeshPolicy,
  after?: MeshPolicy,
): PairFlip<N>[] | undefined {
  const { ranges } = mesh
  const id = (before ?? after)?.id
  const rest = mesh.policies.filter((policy) => policy.id !== id)
  const isPeer = (own: MeshPolicy | undefined, a: N, b: N): boolean =>
    own !== undefined && isVisible({ ranges, policies: [own] }, a, b)
  const pairs = pairsJoined(mesh, allowsOfOneOnly(before, after))
  return pairs?.flatMap(([a, b]) => {
    const visible = isPeer(after, a, b)
    if (visible === isPeer(before, a, b) || isVisible({ ranges, policies: rest }, a, b)) return []
    return [{ a, b, visible }]
  })
}

/** The allow rules that only one of the two policies has: only their pairs can change. */
function allowsOfOneOnly(before?: MeshPolicy, after?: MeshPolicy): PolicyRule[] {
  const joins = (policy: MeshPolicy | undefined) =>
    new Map(
      policy?.rules
        .filter(({ action }) => action === 'allow')
        .map((rule) => [JSON.stringify([rule.from, rule.to]), rule]),
    )
  const [old, now] = [joins(before), joins(after)]
  return [...old, ...now].flatMap(([text, rule]) => (old.has(text) && now.has(text) ? [] : [rule]))
}

function pairsJoined<N extends MeshNode>(
  mesh: TenantMesh<N>,
  rules: readonly PolicyRule[],
): (readonly [N, N])[] | undefined {
  const pairs = new Map<string, readonly [N, N]>()
  let looked = 0
  for (const { from, to } of rulesOf({ id: 'changed', rules }, mesh.ranges)) {
    const [sources, targets] = [mesh.members(from), mesh.members(to)]
    looked += sources.length * targets.length
    if (looked > maxPairs) return undefined
    for (const a of sources)
      for (const b of targets)
        if (a.id !== b.id) {
          const pair = a.id < b.id ? ([a, b] as const) : ([b, a] as const)
          pairs.set(`${pair[0].id} ${pair[1].id}`, pair)
        }
  }
  return [...pairs.values()]
}
