import {
  cidrContains,
  hostnameKey,
  type Metadata,
  matches,
  parseIpv4,
  type Side,
} from '@plexd/protocol'

/** The fields of a node that a rule can match. */
export interface MeshNode {
  readonly id: string
  readonly hostname: string
  readonly mesh_ip: string
  readonly labels: Readonly<Metadata>
}

export function sideHas(side: Side, node: MeshNode): boolean {
  switch (side.kind) {
    case 'all':
      return true
    case 'cidr':
      return cidrContains(side.cidr, parseIpv4(node.mesh_ip))
    case 'node':
      return side.id === node.id
    case 'hostname':
      return side.hostname === hostnameKey(node.hostname)
    case 'selector':
      return matches(side.selector, node.labels)
  }
}

/** Whether the side is compiled to a list of addresses, which changes as nodes come, go, or change labels or name. */
export function isList(side: Side): boolean {
  return side.kind !== 'cidr' && side.kind !== 'all'
}
