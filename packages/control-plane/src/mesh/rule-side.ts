import { cidrContains, hostnameKey, matches, parseIpv4, type Side } from '@plexd/protocol'
import type { NodeRecord } from './fleet.ts'

/** What a rule can tell nodes apart by. */
export type MeshNode = Pick<NodeRecord, 'id' | 'hostname' | 'mesh_ip' | 'labels'>

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

/** Whether the side becomes a list of addresses, which changes as nodes come, go, are relabelled and renamed. */
export function isList(side: Side): boolean {
  return side.kind !== 'cidr' && side.kind !== 'all'
}
