import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'
import { addedSpeaking, settled } from './keepalive.ts'

/** Peers that got their endpoint a moment ago, by their public keys. */
export interface NewPeers {
  /** Their handshake should have happened by now. */
  publicKeys: ReadonlySet<string>
  /** Those of them that were to start it -> the endpoint that was withheld; their keepalive is off. */
  awaited: ReadonlyMap<string, string>
  /** Those that are looked at for the first time. */
  first: ReadonlySet<string>
}

export interface HandshakeRetries {
  /** They start a handshake with each peer that has none, and switch on the keepalive of those that were waited for. */
  changes: readonly PeerChange[]
  /** The peers without a handshake, to be looked at again; those we have nothing to say to are left out. */
  unanswered: ReadonlySet<string>
}

/** What to do about peers whose handshake should have happened. Pure. */
export function handshakeRetries(
  { publicKeys, awaited, first }: NewPeers,
  peers: readonly WgPeer[],
  keepaliveSeconds: number,
): HandshakeRetries {
  const due = peers
    .filter(({ public_key }) => publicKeys.has(public_key))
    .map((peer) => ({ ...peer, endpoint: peer.endpoint || (awaited.get(peer.public_key) ?? '') }))
  const isAwaited = ({ public_key }: WgPeer): boolean => awaited.has(public_key)
  const open = due.filter(
    (peer) => isWithoutSession(peer) && (peer.tx_bytes > 0 || isAwaited(peer)),
  )
  // One that has begun is given the time to finish, once.
  const silent = open.filter((peer) => !first.has(peer.public_key) || peer.rx_bytes === 0)
  const answered = due.filter((peer) => isAwaited(peer) && !silent.includes(peer))
  return {
    changes: [
      ...addedSpeaking(silent.map((peer) => ({ ...peer, keepalive_seconds: keepaliveSeconds }))),
      ...(keepaliveSeconds === 0 ? [] : settled(keysOf(answered), keepaliveSeconds)),
    ],
    unanswered: new Set(keysOf(open)),
  }
}

function isWithoutSession(peer: WgPeer): boolean {
  return peer.endpoint !== '' && peer.handshake_at === 0
}

function keysOf(peers: readonly WgPeer[]): string[] {
  return peers.map(({ public_key }) => public_key)
}
