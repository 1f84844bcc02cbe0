import type { Side } from '@plexd/protocol'
import { type MeshNode, sideHas } from './rule-side.ts'
import { rulesOf, type TenantMesh } from './tenant-mesh.ts'

/**
 * Whether two nodes are peers: some allow rule connects them, in either direction. What may pass between
 * them is decided by all rules; with a deny before the allow they are peers that cannot talk.
 */
export function isVisible(
  rules: Pick<TenantMesh, 'ranges' | 'policies'>,
  a: MeshNode,
  b: MeshNode,
): boolean {
  return sightOf(rules, a)(b)
}

/** The peers of a node. The cost is proportional to their number, not to the size of the fleet. */
export function peersOf<N extends MeshNode>(mesh: TenantMesh<N>, node: MeshNode): N[] {
  return membersOf(mesh, oppositeSides(mesh, node), node.id)
}

/** The nodes on any of the sides, each once, except one node. */
export function membersOf<N extends MeshNode>(
  mesh: TenantMesh<N>,
  sides: readonly Side[],
  exceptId: string | undefined,
): N[] {
  const [first, ...more] = sides
  if (!first) return []
  if (more.length === 0) return mesh.members(first).filter(({ id }) => id !== exceptId)
  const members = new Map<string, N>()
  for (const side of sides) for (const node of mesh.members(side)) members.set(node.id, node)
  if (exceptId !== undefined) members.delete(exceptId)
  return [...members.values()]
}

/** `isVisible` for one node and many others: rules that do not involve the node are checked only once. */
function sightOf(
  rules: Pick<TenantMesh, 'ranges' | 'policies'>,
  node: MeshNode,
): (other: MeshNode) => boolean {
  const sides = oppositeSides(rules, node)
  return (other) => other.id !== node.id && sides.some((side) => sideHas(side, other))
}

/** The opposite sides of the allow rules that match the node. */
function oppositeSides(
  { ranges, policies }: Pick<TenantMesh, 'ranges' | 'policies'>,
  node: MeshNode,
): Side[] {
  const opposite = new Set<Side>()
  for (const policy of policies) {
    for (const { from, to, action } of rulesOf(policy, ranges)) {
      if (action !== 'allow') continue
      if (sideHas(from, node)) opposite.add(to)
      if (sideHas(to, node)) opposite.add(from)
    }
  }
  return [...opposite]
}
