import type { Peer } from '@plexd/protocol'
import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'
import { type Handover, isWaiting } from './handover.ts'

/** Public key -> the PSK that it will have with our next key. */
export type HeldPsks = Map<string, string>

/**
 * What makes the old keys of peers that wait with their new ones usable with our next key. Two nodes that change their
 * keys at about the same time have nothing else in common until both are through.
 */
export function leavingPsks(
  handovers: readonly Handover[],
  actual: readonly WgPeer[],
  promised: HeldPsks,
): PeerChange[] {
  if (promised.size === 0) return []
  const present = new Set(actual.map(({ public_key }) => public_key))
  return handovers.filter(isWaiting).flatMap(({ from }): PeerChange[] => {
    const psk = promised.get(from)
    return psk === undefined || !present.has(from)
      ? []
      : [{ public_key: from, type: 'update', psk }]
  })
}

/** The peers without their new PSKs where they are present; those are put into `held`. */
export function withoutNewPsks(
  wanted: readonly Peer[],
  actual: ReadonlyMap<string, WgPeer>,
  held: HeldPsks,
): Peer[] {
  return wanted.map((peer) => {
    const now = actual.get(peer.public_key)
    if (!now) return peer
    held.set(now.public_key, peer.psk)
    return { ...peer, psk: now.psk }
  })
}
