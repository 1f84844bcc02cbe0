import type { PeerChange } from '../backend/wg-interface.ts'
import type { Handover } from '../handover/handover.ts'

/**
 * Two nodes that learn of each other at the same moment must not both start a handshake. Each would answer the other's initiation
 * and give up its own, so neither handshake completes. Worse, wireguard-go handles an initiation and a response in parallel: if they overlap,
 * it uses a session of which it, or the peer, no longer knows the index, and notices only after 15 seconds without an answer.
 * So the node with the smaller public key starts, and the other one waits for it a moment. Until then it withholds the endpoint from WireGuard,
 * which learns it from the initiation: whatever is sent meanwhile starts nothing. Nor is the peer added anew, for it may
 * have answered an initiation just now.
 */
export interface FirstHandshakes {
  /** The writes; those for peers that are waited for start no handshake. */
  writes: readonly PeerChange[]
  /** The public keys of peers with which a handshake may be under way. */
  started: readonly string[]
  /** The public keys of peers that are to start it -> the endpoint that is withheld. */
  awaited: ReadonlyMap<string, string>
}

/** Decides who starts, for the peers that get their first endpoint by these writes. Pure. */
export function firstHandshakes(
  writes: readonly PeerChange[],
  ourKey: string,
  handovers: readonly Pick<Handover, 'to'>[],
): FirstHandshakes {
  const rotating = new Set(handovers.map(({ to }) => to))
  const awaited = new Map<string, string>()
  for (const change of writes)
    if (isStarting(change) && change.public_key < ourKey && !rotating.has(change.public_key))
      awaited.set(change.public_key, change.endpoint)
  const present = new Set(
    writes.flatMap(({ type, public_key }) => (type === 'remove' ? [public_key] : [])),
  )
  return {
    writes: writes.flatMap((change) =>
      awaited.has(change.public_key) ? withheld(change, present) : [change],
    ),
    started: newlyReachable(writes).filter((key) => !awaited.has(key)),
    awaited,
  }
}

/** The change without its endpoint, and without keepalive. A peer that would be added anew is updated instead. */
function withheld(change: PeerChange, present: ReadonlySet<string>): PeerChange[] {
  const { endpoint: _, ...rest } = change
  const quiet = { ...rest, keepalive_seconds: 0 }
  if (!present.has(change.public_key)) return [quiet]
  return change.type === 'add' ? [{ ...quiet, type: 'update' }] : []
}

/** Whether WireGuard sends to the peer as soon as this is written. */
function isStarting(change: PeerChange): change is PeerChange & { endpoint: string } {
  const { type, endpoint, keepalive_seconds = 0 } = change
  return type === 'add' && endpoint !== undefined && keepalive_seconds > 0
}

/** The peers that get their first endpoint by these writes. */
export function newlyReachable(writes: readonly PeerChange[]): string[] {
  return writes
    .filter(({ type, endpoint }) => type === 'add' && endpoint)
    .map(({ public_key }) => public_key)
}
