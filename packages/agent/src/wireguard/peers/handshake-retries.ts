import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'
import { addedSpeaking, settled } from './keepalive.ts'

/** Peers that got their endpoint a moment ago, by their public keys. */
export interface NewPeers {
  /** Their handshake should have happened by now. */
  publicKeys: ReadonlySet<string>
  /** Those of them that were to start it; their keepalive is off. */
  awaited: ReadonlySet<string>
}

export interface HandshakeRetries {
  /** They start a handshake with each peer that has none, and switch on the keepalive of those that were waited for. */
  changes: readonly PeerChange[]
  /** The peers without a handshake, to be looked at again; those we have nothing to say to are left out. */
  unanswered: ReadonlySet<string>
}

/** What to do about peers whose handshake should have happened. Pure. */
export function handshakeRetries(
  { publicKeys, awaited }: NewPeers,
  peers: readonly WgPeer[],
  keepaliveSeconds: number,
): HandshakeRetries {
  const due = peers.filter(({ public_key }) => publicKeys.has(public_key))
  const isAwaited = ({ public_key }: WgPeer): boolean => awaited.has(public_key)
  const open = due.filter(
    (peer) => isWithoutSession(peer) && (peer.tx_bytes > 0 || isAwaited(peer)),
  )
  // One that was waited for and has begun is given the time to finish.
  const silent = open.filter((peer) => !isAwaited(peer) || peer.rx_bytes === 0 || isCrossed(peer))
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
  return peer.endpoint !== '' && (peer.handshake_at === 0 || isCrossed(peer))
}

/**
 * Whether our handshake and the peer's have overlapped, and nothing has come since: then wireguard-go may use a session in which no
 * packet can reach it. Otherwise another handshake does no harm.
 */
function isCrossed({ handshake_at, rx_bytes }: WgPeer): boolean {
  return handshake_at !== 0 && rx_bytes === initiationBytes + responseBytes
}

/** Lengths of messages (https://www.wireguard.com/protocol). */
const initiationBytes = 148
const responseBytes = 92

function keysOf(peers: readonly WgPeer[]): string[] {
  return peers.map(({ public_key }) => public_key)
}
