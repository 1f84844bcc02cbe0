import { type Mesh, rulesOf } from './mesh.ts'
import { type MeshNode, type Side, sideHas } from './rule-side.ts'

/**
 * Whether two nodes have each other as peers: some allow rule joins them, in either direction. What may pass between
 * them is decided by all the rules; a deny in front of the allow leaves them peers that cannot talk.
 */
export function isVisible(
  rules: Pick<Mesh, 'range' | 'policies'>,
  a: MeshNode,
  b: MeshNode,
): boolean {
  return sightOf(rules, a)(b)
}

/** The peers of a node, in the order of `mesh.nodes`. */
export function peersOf<N extends MeshNode>(mesh: Mesh<N>, node: MeshNode): N[] {
  return [...mesh.nodes].filter(sightOf(mesh, node))
}

/** `isVisible` for one node and many others: rules that do not involve the node are looked at once. */
export function sightOf(
  { range, policies }: Pick<Mesh, 'range' | 'policies'>,
  node: MeshNode,
): (other: MeshNode) => boolean {
  const opposite = new Set<Side>()
  for (const policy of policies) {
    for (const { from, to, action } of rulesOf(policy, range)) {
      if (action !== 'allow') continue
      if (sideHas(from, node)) opposite.add(to)
      if (sideHas(to, node)) opposite.add(from)
    }
  }
  const sides = [...opposite]
  return (other) => other.id !== node.id && sides.some((side) => sideHas(side, other))
}
