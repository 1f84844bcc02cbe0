import { ApiError, type NatType, type PeerStatus, type PolicyStatus } from '@plexd/protocol'
import { type Clock, describeError } from '@plexd/runtime'
import type { WgPeer } from '../wireguard/backend/wg-interface.ts'
import type { WireguardDevice } from '../wireguard/device/device.ts'
import { describePeers } from '../wireguard/peers/peer-status.ts'
import { describePolicies, type MeshStatus } from './mesh-status.ts'
import type { NodeFirewall, NodeFirewallDeps } from './node-firewall.ts'
import type { OpenMesh } from './open-mesh.ts'

/** What is told of a node's mesh. */
export interface MeshView {
  sight(): MeshStatus
  /** `largestTo`: the largest packet, in bytes, for a peer that only small packets reach. */
  describePeers(largestTo?: (id: string) => number | undefined): Promise<PeerStatus[]>
  /** Only those that ever had a handshake: of the others there is nothing to measure. */
  describeMet(): Promise<PeerStatus[]>
  describePolicies(): Promise<PolicyStatus>
}

export interface MeshViewDeps extends Omit<NodeFirewallDeps, 'log'> {
  clock: Clock
}

interface Viewed extends Pick<OpenMesh, 'device' | 'routing'> {
  firewall: NodeFirewall | undefined
  natType(): NatType
}

export function createMeshView(
  { device, routing, firewall, natType }: Viewed,
  deps: MeshViewDeps,
): MeshView {
  const { desired, identity, clock } = deps

  const describe: MeshView['describePeers'] = async (largestTo) =>
    describePeers(desired.current().peers, await tunnelsOf(device), {
      nowSeconds: clock.now() / 1_000,
      natType: natType(),
      ...(routing ? { astray: routing.astray() } : {}),
      ...(largestTo ? { largestTo } : {}),
    })

  return {
    sight: () => ({
      interfaceName: device.interfaceName,
      backend: device.backend,
      disabledBecause: device.disabledBecause,
      ranges: routing?.ranges() ?? [],
    }),
    describePeers: describe,
    describeMet: async () =>
      (await describe()).filter(({ last_handshake_at }) => last_handshake_at !== null),
    describePolicies: async () =>
      describePolicies(deps, {
        isFiltered: firewall !== undefined,
        disabledBecause: device.disabledBecause,
        self: [{ ...identity(), id: identity().node_id }],
        meshIpOf: (id) => firewall?.applier.meshIpOf(id),
        counters: (await firewall?.firewall.counters()) ?? new Map(),
      }),
  }
}

/** The interface's driver may not answer: that is not the caller's fault. */
function tunnelsOf(device: WireguardDevice): Promise<readonly WgPeer[]> {
  return device.peers().catch((cause: unknown) => {
    throw new ApiError('unavailable', `read the peers: ${describeError(cause)}`)
  })
}
