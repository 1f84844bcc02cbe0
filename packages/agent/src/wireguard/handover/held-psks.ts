import type { Peer } from '@plexd/protocol'
import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'
import { type Handover, isWaiting } from './handover.ts'

/** Public key -> its PSK with our next key. */
export type HeldPsks = Map<string, string>

/**
 * The PSKs that make the peers' old keys usable with our next key. Two nodes that rotate
 * at about the same time have no other common keys until both have finished.
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

/** The peers without new PSKs for those that exist; these PSKs are put into `held`. */
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

/**
 * The PSKs with which waiting keys are unblocked: those of the desired peers. Those that are held for our next key are
 * taken only if the one for our current key is lost, because the key was blocked before a restart. Pure.
 */
export function waitingPsks(
  known: HeldPsks,
  handovers: readonly Handover[],
  wanted: ReadonlyMap<string, string>,
  held: HeldPsks | undefined,
): HeldPsks {
  return new Map(
    handovers.flatMap(({ to, shut }): [string, string][] => {
      const now = known.get(to)
      const isForLater = held?.has(to) && (now !== undefined || !shut)
      const psk = isForLater ? now : (wanted.get(to) ?? now)
      return psk === undefined ? [] : [[to, psk]]
    }),
  )
}
