import type { DatabaseSync } from 'node:sqlite'
import {
  ApiError,
  type Cidr,
  type NatType,
  type PeerStatus,
  type PolicyStatus,
} from '@plexd/protocol'
import { type Clock, describeError, handOver, type Log, type NameCache } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import { createMark } from '../disk/mark.ts'
import type { PacketFilter } from '../firewall/packet-filter.ts'
import type { Problems } from '../health/problems.ts'
import type { Identity } from '../identity/identity.ts'
import { createEndpoints, type Endpoints } from '../nat/endpoints.ts'
import { type Applier, createApplier } from '../reconcile/apply.ts'
import { createFirewallApplier, type FirewallApplier } from '../reconcile/firewall-applier.ts'
import type { ReconcileRequests } from '../reconcile/requests.ts'
import type { PlannedPlace } from '../routing/mesh-range.ts'
import type { MeshRouting } from '../routing/mesh-routing.ts'
import { createControlAddresses } from '../routing/tables/control-addresses.ts'
import { readRanges } from '../routing/tables/networks.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import type { WgPeer } from '../wireguard/backend/wg-interface.ts'
import { createAbsentDevice } from '../wireguard/device/absent-device.ts'
import type { WireguardDevice } from '../wireguard/device/device.ts'
import { standardMtu } from '../wireguard/interface/link.ts'
import { describePeers, type Onlooker } from '../wireguard/peers/peer-status.ts'
import { describePolicies, type MeshStatus, whyNoMesh } from './mesh-status.ts'
import type { MeshPlace, OpenMesh } from './open-mesh.ts'
import { placeOf } from './place.ts'
import type { RepairCounts } from './repair-counts.ts'

/** The mesh of a node: interface, packet filter, and their current state. */
export interface NodeMesh extends Omit<OpenMesh, 'filter'> {
  /** Absent if packets are not filtered. */
  readonly firewall: NodeFirewall | undefined
  readonly endpoints: Endpoints
  readonly applier: Applier
  sight(): MeshStatus
  /** `largestTo`: the largest packet, in bytes, for a peer that only small packets reach. */
  describePeers(largestTo?: (id: string) => number | undefined): Promise<PeerStatus[]>
  /** Only those that ever had a handshake: of the others there is nothing to measure. */
  describeMet(): Promise<PeerStatus[]>
  describePolicies(): Promise<PolicyStatus>
}

/** The policies in force, and their packet filter. */
export type NodeFirewall = PacketFilter & { applier: FirewallApplier }

export interface MeshSource {
  /** The mesh interface; without one there is no traffic, and the status says so. */
  device?: WireguardDevice
  /** Opens the whole mesh instead, given this node's place in it. */
  openMesh?: (place: MeshPlace) => Promise<OpenMesh>
}

export interface NodeMeshDeps extends MeshSource {
  config: AgentConfig
  database: DatabaseSync
  desired: DesiredStore
  identity(): Identity
  requests: Pick<ReconcileRequests, 'ask'>
  names: NameCache
  repairs: Pick<RepairCounts, 'ofInterface'>
  problems: Problems
  clock: Clock
  log: Log
}

export async function openNodeMesh(deps: NodeMeshDeps): Promise<NodeMesh> {
  const { config, desired, identity, problems, clock, log } = deps
  const place = (): PlannedPlace => placeOf(identity(), config, desired.current().mesh_ranges)
  const ranges = (): readonly Cidr[] => readRanges(place().meshRanges)
  const endpoints = createEndpoints({
    mark: createMark(deps.database, 'endpoint'),
    desired,
    meshRanges: ranges,
    problems,
  })
  const natType = (): NatType => endpoints.own()?.nat_type ?? 'unknown'
  const controlAddresses = createControlAddresses({
    // The actual destination of our packets: with a proxy, its address must not be routed into the mesh.
    url: config.proxyUrl ?? config.apiUrl,
    isPeer: (address) => desired.current().peers.some(({ mesh_ip }) => mesh_ip === address),
    names: deps.names,
    clock,
  })
  const peers = (): DesiredPeers => desired.current().peers
  await using stack = new AsyncDisposableStack()
  const { filter, ...opened } = stack.use(
    deps.openMesh
      ? await deps.openMesh({ place, controlAddresses: controlAddresses.current, peers, natType })
      : withoutMesh(deps.device ?? createAbsentDevice(config.meshInterface, whyNoMesh(config))),
  )
  const { device, routing, network } = opened
  const firewall = filter && openFirewall(filter, routing, deps)
  const applier = createApplier({
    device,
    firewall: firewall?.applier,
    desired,
    ...(routing ? { routing } : {}),
    placed: (peers) => endpoints.placed(peers, network?.interfaces() ?? {}),
    peerRules: () => ({
      meshRanges: ranges(),
      leftOut: leftOut(place().meshRanges, routing?.ranges()),
      foreignAllowedIps: config.meshForeignAllowedIps,
    }),
    onRepair: deps.repairs.ofInterface.add,
    onFailure: deps.requests.ask,
    problems,
    log,
  })
  controlAddresses.onChange(applier.applySoon)
  const onlooker = (largestTo?: Onlooker['largestTo']): Onlooker => ({
    nowSeconds: clock.now() / 1_000,
    natType: natType(),
    ...(routing ? { astray: routing.astray() } : {}),
    ...(largestTo ? { largestTo } : {}),
  })
  return {
    ...opened,
    firewall,
    endpoints,
    applier,
    sight: () => ({
      interfaceName: device.interfaceName,
      backend: device.backend,
      disabledBecause: device.disabledBecause,
      ranges: routing?.ranges() ?? [],
    }),
    describePeers: async (largestTo) =>
      describePeers(peers(), await tunnelsOf(device), onlooker(largestTo)),
    async describeMet() {
      const met = (await tunnelsOf(device)).filter(({ handshake_at }) => handshake_at > 0)
      const keys = new Set(met.map(({ public_key }) => public_key))
      return describePeers(
        peers().filter(({ public_key }) => keys.has(public_key)),
        met,
        onlooker(),
      )
    },
    describePolicies: async () =>
      describePolicies(deps, {
        isFiltered: firewall !== undefined,
        disabledBecause: device.disabledBecause,
        self: [{ ...identity(), id: identity().node_id }],
        meshIpOf: (id) => firewall?.applier.meshIpOf(id),
        counters: (await firewall?.firewall.counters()) ?? new Map(),
      }),
    [Symbol.asyncDispose]: handOver(stack),
  }
}

type DesiredPeers = ReturnType<DesiredStore['current']>['peers']

function withoutMesh(device: WireguardDevice): OpenMesh {
  return { device, leave: () => device.remove(), async [Symbol.asyncDispose]() {} }
}

/** The interface's driver may not answer: that is not the caller's fault. */
function tunnelsOf(device: WireguardDevice): Promise<readonly WgPeer[]> {
  return device.peers().catch((cause: unknown) => {
    throw new ApiError('unavailable', `read the peers: ${describeError(cause)}`)
  })
}

function openFirewall(
  filter: PacketFilter,
  routing: MeshRouting | undefined,
  { config, desired, identity, problems, log }: NodeMeshDeps,
): NodeFirewall {
  const applier = createFirewallApplier({
    desired,
    self: identity,
    problems,
    log,
    firewall: filter.firewall,
    backstop: filter.backstop,
    isWatched: filter.openChanges !== undefined,
    ranges: () => routing?.ranges(),
    exceptions: () => routing?.exceptions(),
    ruleset: {
      interface: config.meshInterface,
      wireguardPort: config.meshPort,
      mtu: config.meshMtu ?? standardMtu,
      defaultAction: config.policyDefault,
      logDenied: config.policyLogDenied,
    },
  })
  return { ...filter, applier }
}

/** If unknown, all ranges count as routed into the mesh. */
function leftOut(all: readonly string[], routed: readonly string[] = all): Cidr[] {
  return readRanges(all.filter((text) => !routed.includes(text)))
}
