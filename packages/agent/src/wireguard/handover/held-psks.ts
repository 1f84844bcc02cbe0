import type { PeerChange, WgPeer } from '../backend/wg-interface.ts'
import type { DeviceStep } from '../device/device.ts'
import { type Handover, isWaiting } from './handover.ts'

/** Public key -> the PSK that it will have with our next key. */
export type HeldPsks = Map<string, string>

/**
 * What makes the old keys of peers that wait with their new ones usable with our next key. Two nodes that change their
 * keys at about the same time have nothing else in common until both are through.
 */
export function leavingPsks(
  handovers: readonly Handover[],
  actual: ReadonlyMap<string, WgPeer>,
  promised: HeldPsks,
): PeerChange[] {
  return handovers.filter(isWaiting).flatMap(({ from }): PeerChange[] => {
    const psk = promised.get(from)
    return psk === undefined || !actual.has(from) ? [] : [{ public_key: from, type: 'update', psk }]
  })
}

/** The steps without their new PSKs for present peers; those are put into `held`. */
export function withoutNewPsks(
  steps: readonly DeviceStep[],
  actual: ReadonlyMap<string, WgPeer>,
  held: HeldPsks,
): DeviceStep[] {
  return steps.map((step) => {
    const now = 'peer' in step ? actual.get(step.peer.public_key) : undefined
    if (!('peer' in step) || !now) return step
    held.set(now.public_key, step.peer.psk)
    return { ...step, peer: { ...step.peer, psk: now.psk } }
  })
}
