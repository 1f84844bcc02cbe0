import { isDeepStrictEqual } from 'node:util'
import type { Peer } from '@plexd/protocol'
import { type PeerRules, usablePeers } from '../wireguard/peers/usable-peers.ts'

type Usable = ReturnType<typeof usablePeers>

/** `usablePeers`, which is asked anew only when peers or rules are others than the last time: most reconciliations change nothing. */
export function createLastUsable(): (peers: readonly Peer[], rules?: PeerRules) => Usable {
  let last: { peers: readonly Peer[]; rules: PeerRules | undefined; usable: Usable } | undefined
  return (peers, rules) => {
    const isSame =
      last !== undefined &&
      last.peers.length === peers.length &&
      // A peer that has changed is another object.
      last.peers.every((peer, at) => peer === peers[at]) &&
      isDeepStrictEqual(last.rules, rules)
    last = { peers, rules, usable: last && isSame ? last.usable : usablePeers(peers, rules) }
    return last.usable
  }
}
