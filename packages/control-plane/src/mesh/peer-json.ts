import { type PskMaster, pairPsks } from '../seal/psk.ts'
import type { Fleet, NodeRecord } from './fleet.ts'
import { pskSourceOf, publicPeer, shownPeers } from './peer-view.ts'

/** The JSON of a peer up to its PSK, which is the same for everyone. Cached, because records are immutable. */
const known = new WeakMap<NodeRecord, string>()

/**
 * A node's peers as a JSON list. The state of a thousand peers is concatenated from cached texts, not built as objects and
 * serialised.
 */
export function peersJsonFor(
  sources: { fleet: Fleet; pskMaster: PskMaster },
  recipient: NodeRecord,
): string {
  const peers = shownPeers(sources.fleet.mesh(recipient.tenant_id), recipient)
  const psks = pairPsks(pskSourceOf(sources, recipient), recipient, peers)
  return `[${peers.map((peer, index) => `${headOf(peer)}${psks[index]}"}`).join(',')}]`
}

function headOf(peer: NodeRecord): string {
  return known.getOrInsertComputed(
    peer,
    () => `${JSON.stringify(publicPeer(peer)).slice(0, -1)},"psk":"`,
  )
}
