import { type PskMaster, pairPsks } from '../seal/psk.ts'
import type { Fleet, NodeRecord } from './fleet.ts'
import { pskSourceOf, publicPeer, shownPeers } from './peer-view.ts'

/** What all who see a node are told of it, up to where the PSK of each stands. Records are immutable, so it stays true. */
const known = new WeakMap<NodeRecord, string>()

/**
 * The peers a node is told of, as a JSON list: a state of a thousand of them is put together, not built as objects and
 * written out.
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
  let head = known.get(peer)
  if (head === undefined) {
    head = `${JSON.stringify(publicPeer(peer)).slice(0, -1)},"psk":"`
    known.set(peer, head)
  }
  return head
}
