import type { KeyObject } from 'node:crypto'
import { type Peer, type PublicPeer, parseCidr } from '@plexd/protocol'
import { pairPsk } from '../seal/psk.ts'
import type { Fleet, NodeRecord } from './fleet.ts'
import { createMesh, type Mesh } from './mesh.ts'
import { peersOf } from './visibility.ts'

// An event for a thousand nodes compiles a thousand times; who is on a side is worked out once for all of them.
const meshes = new WeakMap<Fleet, Map<string, { generation: number; mesh: Mesh<NodeRecord> }>>()

/** Who may talk to whom in a tenant, as the fleet has it now; not to be kept over a change. */
export function meshOf(fleet: Fleet, tenantId: string): Mesh<NodeRecord> {
  const ofFleet = meshes.get(fleet) ?? new Map()
  meshes.set(fleet, ofFleet)
  const known = ofFleet.get(tenantId)
  const generation = fleet.generation()
  if (known?.generation === generation) return known.mesh
  const mesh = newMesh(fleet, tenantId)
  ofFleet.set(tenantId, { generation, mesh })
  return mesh
}

function newMesh(fleet: Fleet, tenantId: string): Mesh<NodeRecord> {
  const tenant = fleet.tenant(tenantId)
  if (!tenant) throw new Error(`read mesh of tenant "${tenantId}": there is no such tenant`)
  return createMesh({
    range: parseCidr(tenant.mesh_cidr),
    nodes: fleet.nodes(tenantId),
    policies: fleet.policies(tenantId),
  })
}

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
  return {
    id: node.id,
    public_key: node.public_key,
    mesh_ip: node.mesh_ip,
    endpoint: node.endpoint,
    allowed_ips: [`${node.mesh_ip}/32`],
    status: node.status === 'unreachable' ? 'unreachable' : 'online',
  }
}

/** A node as this one peer sees it, with the PSK of the two. */
export function peerFor(pskMaster: KeyObject, recipient: NodeRecord, node: NodeRecord): Peer {
  const { status, ...peer } = publicPeer(node)
  return { ...peer, psk: pairPsk(pskMaster, recipient, node), ...(status ? { status } : {}) }
}
