import type { KeyObject } from 'node:crypto'
import type { Peer, PublicPeer } from '@plexd/protocol'
import { pairPsk } from '../seal/psk.ts'
import type { NodeRecord } from './fleet.ts'
import type { Mesh } from './mesh.ts'
import { peersOf } from './visibility.ts'

/** The peers a node is told of: those it may see, less those that have been silent for long. */
export function shownPeers(mesh: Mesh<NodeRecord>, node: NodeRecord): NodeRecord[] {
  return peersOf(mesh, node).filter(isShown)
}

/** Peers drop a node that is offline; it stays in the fleet and in the rules. */
export function isShown(node: NodeRecord): boolean {
  return node.status !== 'offline'
}

/** A node as any of its peers sees it. */
export function publicPeer(node: NodeRecord): PublicPeer {
  const { nat_type, local_endpoints } = node
  return {
    id: node.id,
    public_key: node.public_key,
    mesh_ip: node.mesh_ip,
    endpoint: node.endpoint,
    allowed_ips: [`${node.mesh_ip}/32`],
    status: node.status === 'unreachable' ? 'unreachable' : 'online',
    ...(nat_type === '' ? {} : { nat_type }),
    ...(local_endpoints.length === 0 ? {} : { local_endpoints: [...local_endpoints] }),
  }
}

/** A node as this one peer sees it, with the PSK of the two. */
export function peerFor(pskMaster: KeyObject, recipient: NodeRecord, node: NodeRecord): Peer {
  return { ...publicPeer(node), psk: pairPsk(pskMaster, recipient, node) }
}
