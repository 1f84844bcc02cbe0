import {
  type Cidr,
  cidrContains,
  cidrSize,
  formatCidr,
  isNodeId,
  matches,
  parseCidr,
  parseIpv4,
  parseSelector,
  type Selector,
} from '@plexd/protocol'
import type { NodeRecord } from './fleet.ts'

/** What a rule can tell nodes apart by. */
export type MeshNode = Pick<NodeRecord, 'id' | 'mesh_ip' | 'labels'>

/** One side of a rule. `cidr` stands for `*` too: that is the mesh range. */
export type Side =
  | { kind: 'cidr'; cidr: Cidr }
  | { kind: 'node'; id: string }
  | { kind: 'selector'; selector: Selector }

/**
 * Reads a side as an operator writes it: `*`, a CIDR or address inside the mesh range, a node id (`n_…`), else a
 * label selector. Throws a RangeError that quotes the text.
 */
export function parseSide(text: string, range: Cidr): Side {
  if (text === '*') return { kind: 'cidr', cidr: range }
  if (isNodeId(text)) return { kind: 'node', id: text }
  if (!/^[\d.]+(\/\d*)?$/.test(text)) return { kind: 'selector', selector: parseSelector(text) }
  const cidr = parseCidr(text)
  const last = cidr.first + cidrSize(cidr) - 1
  if (!cidrContains(range, cidr.first) || !cidrContains(range, last)) {
    throw new RangeError(
      `parse rule side "${text}": it is not inside the mesh range "${formatCidr(range)}"`,
    )
  }
  return { kind: 'cidr', cidr }
}

export function sideHas(side: Side, node: MeshNode): boolean {
  switch (side.kind) {
    case 'cidr':
      return cidrContains(side.cidr, parseIpv4(node.mesh_ip))
    case 'node':
      return side.id === node.id
    case 'selector':
      return matches(side.selector, node.labels)
  }
}

/** Whether the side becomes a list of addresses, which changes as nodes come, go and are relabelled. */
export function isList(side: Side): boolean {
  return side.kind !== 'cidr'
}
