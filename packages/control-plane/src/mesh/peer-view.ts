import type { Peer, PublicPeer } from '@plexd/protocol'
import { type PskMaster, type PskSource, pairPsks, pskChars, pskTexts } from '../seal/psk.ts'
import type { Fleet, NodeRecord } from './fleet.ts'
import type { TenantMesh } from './tenant-mesh.ts'
import { peersOf } from './visibility.ts'

/** The peers sent to a node: those that policy lets it see, except offline ones. */
export function shownPeers(mesh: TenantMesh<NodeRecord>, node: NodeRecord): NodeRecord[] {
  return peersOf(mesh, node).filter(isShown)
}

/** Peers remove an offline node; it stays in the fleet and in the rules. */
export function isShown(node: NodeRecord): boolean {
  return node.status !== 'offline'
}

/** A node as its peers see it. */
export function publicPeer(node: NodeRecord): PublicPeer {
  const { nat_type, local_endpoints } = node
  return {
    id: node.id,
    hostname: node.hostname,
    public_key: node.public_key,
    mesh_ip: node.mesh_ip,
    endpoint: node.endpoint,
    allowed_ips: [`${node.mesh_ip}/32`],
    status: node.status === 'unreachable' ? 'unreachable' : 'online',
    ...(nat_type === '' ? {} : { nat_type }),
    ...(local_endpoints.length === 0 ? {} : { local_endpoints: [...local_endpoints] }),
  }
}

/** The current inputs of a node's PSKs. */
export function pskSourceOf(
  { fleet, pskMaster }: { fleet: Fleet; pskMaster: PskMaster },
  { tenant_id }: NodeRecord,
): PskSource {
  return { master: pskMaster, epoch: fleet.tenant(tenant_id)?.psk_epoch ?? 0 }
}

/** The peers sent to a node, each with the PSK of the pair. */
export function peersFor(
  sources: { fleet: Fleet; pskMaster: PskMaster },
  recipient: NodeRecord,
): Peer[] {
  const peers = shownPeers(sources.fleet.mesh(recipient.tenant_id), recipient)
  const psks = pairPsks(pskSourceOf(sources, recipient), recipient, peers)
  return peers.map((peer, index) => ({ ...publicPeer(peer), psk: psks[index] ?? '' }))
}

/** The JSON of a peer up to its PSK, which is the same for everyone. Cached, because records are immutable. */
const known = new WeakMap<NodeRecord, Buffer>()

/**
 * A node's peers as the JSON list between two other parts of an answer. The state of a thousand peers is copied from cached
 * bytes, not built as objects, serialised and encoded.
 */
export function peersJsonFor(
  sources: { fleet: Fleet; pskMaster: PskMaster },
  recipient: NodeRecord,
  { before = '', after = '' }: { before?: string; after?: string } = {},
): Buffer {
  const peers = shownPeers(sources.fleet.mesh(recipient.tenant_id), recipient)
  const psks = pskTexts(pskSourceOf(sources, recipient), recipient, peers)
  const heads = peers.map(headOf)
  const [start, end] = [Buffer.from(`${before}[`), Buffer.from(`]${after}`)]
  const least = start.length + end.length + peers.length * (pskChars + tail.length)
  const bytes = Buffer.allocUnsafe(heads.reduce((sum, { length }) => sum + length, least))
  let at = start.copy(bytes)
  for (const [index, head] of heads.entries()) {
    at += head.copy(bytes, at)
    at += psks.copy(bytes, at, index * pskChars, (index + 1) * pskChars)
    at += tail.copy(bytes, at)
  }
  // The last one is followed by no comma.
  if (peers.length > 0) at--
  at += end.copy(bytes, at)
  return bytes.subarray(0, at)
}

const tail = Buffer.from('"},')

function headOf(peer: NodeRecord): Buffer {
  return known.getOrInsertComputed(peer, () =>
    Buffer.from(`${JSON.stringify(publicPeer(peer)).slice(0, -1)},"psk":"`),
  )
}
