import { formatNode, type Peer } from '@plexd/protocol'
import { Type } from 'typebox'
import type { NodeFacts } from './node-facts.ts'

/** The parameter that says which peer is meant. */
export const PeerName = Type.String({
  minLength: 1,
  maxLength: 253,
  description: 'Id or hostname of the peer',
})

const named = 10

/** A peer by id, hostname or mesh address. Throws an error that names those that there are. */
export function findPeer({ desired, status }: NodeFacts, name: string): Peer {
  const { peers } = desired()
  const found = peers.find(
    ({ id, hostname, mesh_ip }) => name === id || name === hostname || name === mesh_ip,
  )
  if (found) return found
  const { node_id, hostname, mesh_ip } = status()
  if ([node_id, hostname, mesh_ip].includes(name)) throw new Error(`"${name}" is this node itself`)
  throw new Error(`no peer "${name}": ${describe(peers)}`)
}

function describe(peers: readonly Peer[]): string {
  if (peers.length === 0) return 'this node has no peers'
  const names = peers.slice(0, named).map(({ id, hostname }) => formatNode(id, hostname))
  const more = peers.length > named ? `, and ${peers.length - named} more` : ''
  return `the peers are ${names.join(', ')}${more}`
}

/** Throws the reason why the node has no mesh, if it has none. */
export function requireMesh({ status }: NodeFacts): void {
  const { enabled, reason } = status().mesh
  if (!enabled) throw new Error(`this node has no mesh: it is ${reason ?? 'not up'}`)
}

/** Who the peer is, and how WireGuard reaches it. */
export async function describeWay(node: NodeFacts, { id, mesh_ip, hostname = '' }: Peer) {
  const status = (await node.peers()).find((peer) => peer.id === id)
  return {
    peer_id: id,
    hostname,
    mesh_ip,
    state: status?.state ?? 'missing',
    reason: status?.reason ?? '',
    endpoint: status?.endpoint ?? '',
    last_handshake_at: status?.last_handshake_at ?? null,
  }
}
