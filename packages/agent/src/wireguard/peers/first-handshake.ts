import type { PeerChange } from '../backend/wg-interface.ts'
import type { Handover } from '../handover/handover.ts'

/**
 * Two nodes that learn of each other at the same moment must not both start a handshake. Each would answer the other's initiation
 * and give up its own, so neither handshake completes. Worse, wireguard-go handles an initiation and a response in parallel: if they overlap,
 * it uses a session of which it, or the peer, no longer knows the index, and notices only after 15 seconds without an answer.
 * So the node with the smaller public key starts, and the other one waits for it a moment.
 */
export interface FirstHandshakes {
  /** The writes; those for peers that are waited for start no handshake. */
  writes: readonly PeerChange[]
  /** The public keys of peers with which a handshake may be under way. */
  started: readonly string[]
  /** The public keys of peers that are to start it. */
  awaited: readonly string[]
}

/** Decides who starts, for the peers that get their first endpoint by these writes. Pure. */
export function firstHandshakes(
  writes: readonly PeerChange[],
  ourKey: string,
  handovers: readonly Pick<Handover, 'to'>[],
): FirstHandshakes {
  const rotating = new Set(handovers.map(({ to }) => to))
  const isAwaited = (change: PeerChange): boolean =>
    isStarting(change) && change.public_key < ourKey && !rotating.has(change.public_key)
  const awaited = writes.filter(isAwaited).map(({ public_key }) => public_key)
  const left = new Set(awaited)
  return {
    writes: writes.map((change) =>
      isAwaited(change) ? { ...change, keepalive_seconds: 0 } : change,
    ),
    started: newlyReachable(writes).filter((key) => !left.has(key)),
    awaited,
  }
}

/** Whether WireGuard sends to the peer as soon as this is written. */
function isStarting({ type, endpoint, keepalive_seconds = 0 }: PeerChange): boolean {
  return type === 'add' && endpoint !== undefined && keepalive_seconds > 0
}

/** The peers that get their first endpoint by these writes. */
export function newlyReachable(writes: readonly PeerChange[]): string[] {
  return writes
    .filter(({ type, endpoint }) => type === 'add' && endpoint)
    .map(({ public_key }) => public_key)
}
