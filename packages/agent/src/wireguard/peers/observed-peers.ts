import type { WgPeer } from '../backend/wg-interface.ts'
import type { ObservedPeer } from '../device/device.ts'
import type { DeviceRecord } from '../device/device-record.ts'
import type { HeldPsks } from '../handover/held-psks.ts'

/**
 * The peers in the words of the control plane. What is still on its way shows as if it had arrived: an old key that
 * is being handed over is not there, the new one has all it will have.
 */
export function observedPeers(
  peers: readonly WgPeer[],
  { peers: known, handovers }: DeviceRecord,
  held: HeldPsks | undefined,
): ObservedPeer[] {
  const leaving = new Set(handovers.map(({ from }) => from))
  const arriving = new Map(handovers.map(({ to, allowed_ips }) => [to, allowed_ips]))
  return peers
    .filter(({ public_key }) => !leaving.has(public_key))
    .map(({ public_key, psk, endpoint, allowed_ips }) => ({
      id: known[public_key]?.id ?? '',
      public_key,
      // What was written last, but not where the interface has lost it.
      endpoint: endpoint === '' ? '' : (known[public_key]?.endpoint ?? endpoint),
      allowed_ips: arriving.get(public_key) ?? allowed_ips,
      psk: held?.get(public_key) ?? psk,
    }))
}
