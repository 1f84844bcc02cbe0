import type { DatabaseSync } from 'node:sqlite'
import {
  ApiError,
  type Cidr,
  type NatType,
  type NetworkStatus,
  type PeerStatus,
  type PolicyStatus,
} from '@plexd/protocol'
import { type Clock, describeError, type Log, type NameCache } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import type { PacketFilter } from '../firewall/packet-filter.ts'
import { describeRules, nameSides } from '../firewall/policy-status.ts'
import type { Problems } from '../health/problems.ts'
import { type Identity, rangesOf } from '../identity/identity.ts'
import type { Discovery } from '../nat/discover.ts'
import { createKnownEndpoint, type KnownEndpoint } from '../nat/known-endpoint.ts'
import type { DiscoveredEndpoint, RoundOptions } from '../nat/rounds.ts'
import type { PingSocket } from '../path/ping-socket.ts'
import type { SizeWatch } from '../path/size-watch.ts'
import { type Applier, createApplier } from '../reconcile/apply.ts'
import { createFirewallApplier, type FirewallApplier } from '../reconcile/firewall-applier.ts'
import { createControlAddresses } from '../routing/control-addresses.ts'
import { readRange } from '../routing/local-routes.ts'
import { guessMeshRange, type PlannedPlace } from '../routing/mesh-range.ts'
import type { MeshRouting, RoutingPlace } from '../routing/mesh-routing.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import type { WgPeer } from '../wireguard/backend/wg-interface.ts'
import { AbsentDevice } from '../wireguard/device/absent-device.ts'
import type { WireguardDevice } from '../wireguard/device/device.ts'
import type { MeshNetwork } from '../wireguard/device-linux.ts'
import { standardMtu } from '../wireguard/interface/link.ts'
import { describePeers } from '../wireguard/peers/peer-status.ts'

/** This node's place in the mesh. */
export interface MeshPlace extends RoutingPlace {
  network(): MeshNetwork
  natType(): NatType
}

/** What a mesh is made of on this machine. */
export interface OpenMesh extends AsyncDisposable {
  device: WireguardDevice
  /** Absent where the config says that packets are not filtered. */
  filter?: PacketFilter
  /** What leads into the mesh, and what must not. */
  routing?: MeshRouting
  /** Where the public endpoint is looked for; absent where the config says that it is not. */
  network?: RoundOptions
  /** To probe how large packets may be. */
  openPing?: () => Promise<PingSocket>
  /** Takes all of it away from this machine. */
  leave(): Promise<unknown>
}

/** The mesh of a daemon: the interface, the filter in front of it, and how they are at this moment. */
export interface CoreMesh extends AsyncDisposable {
  readonly device: WireguardDevice
  /** Absent where packets are not filtered. */
  readonly firewall: CoreFirewall | undefined
  /** Absent where nothing moves packets. */
  readonly routing: MeshRouting | undefined
  /** Absent where the public endpoint is not looked for. */
  readonly network: RoundOptions | undefined
  /** Absent where nothing moves packets. */
  readonly openPing: OpenMesh['openPing']
  /** What the last round found, of this daemon or of an earlier one. */
  readonly known: KnownEndpoint
  readonly applier: Applier
  /** Takes all of it away from this machine, for good. */
  leave(): Promise<unknown>
  /** All addresses of the mesh. Throws until the node is registered. */
  ranges(): readonly Cidr[]
  describePeers(): Promise<PeerStatus[]>
  describePolicies(): Promise<PolicyStatus>
  /** Throws an ApiError (503) where nothing looks for the public endpoint. */
  checkNetwork(): Promise<NetworkStatus>
  /** Absent until there is an identity, and where the public endpoint is not looked for. */
  discovery?: Discovery
  /** Absent where it is not probed how large packets may be. */
  sizes?: Pick<SizeWatch, 'largestTo'>
}

export interface CoreMeshDeps {
  config: AgentConfig
  database: DatabaseSync
  desired: DesiredStore
  /** Undefined until the node is registered. */
  identity(): Identity | undefined
  /** Without it, and without `openMesh`, nothing moves packets. */
  device?: WireguardDevice
  openMesh?: (place: MeshPlace) => Promise<OpenMesh>
  names: NameCache
  problems: Problems
  clock: Clock
  log: Log
}

export async function openCoreMesh(deps: CoreMeshDeps): Promise<CoreMesh> {
  const { config, database, desired, identity, problems, clock, log } = deps
  const known = createKnownEndpoint(database)
  const before = known.read()
  const whereabouts = (): DiscoveredEndpoint | undefined => mesh.discovery?.current() ?? before
  const natType = (): NatType => whereabouts()?.nat_type ?? 'unknown'
  const place = (): PlannedPlace => placeOf(identity(), config, desired.current().mesh_ranges)
  const controlAddresses = createControlAddresses({
    // Where our packets go: a proxy is what must not be led into the mesh.
    url: config.proxyUrl ?? config.apiUrl,
    isPeer: (address) => desired.current().peers.some(({ mesh_ip }) => mesh_ip === address),
    onChange: () => mesh.applier.applySoon(),
    names: deps.names,
    clock,
  })
  const opened = await deps.openMesh?.({
    place,
    controlAddresses: controlAddresses.current,
    peers: () => desired.current().peers,
    network: () => ({ ...place(), routed: routed() }),
    natType,
  })
  const device = opened?.device ?? deps.device ?? absentMesh(config)
  const { network, routing, openPing } = opened ?? {}
  const routed = (): readonly string[] => routing?.ranges() ?? place().meshRanges
  const firewall = opened?.filter && openFirewall(opened.filter, routing, deps)
  const applier = createApplier({
    device,
    firewall: firewall?.applier,
    desired,
    ...(routing ? { routing } : {}),
    standpoint: () => ({
      own: whereabouts(),
      interfaces: network?.interfaces() ?? {},
      meshRanges: mesh.ranges(),
    }),
    peerRules: () => ({
      meshRanges: mesh.ranges(),
      leftOut: leftOut(place().meshRanges, routed()),
      foreignAllowedIps: config.meshForeignAllowedIps,
    }),
    problems,
    log,
  })
  const mesh: CoreMesh = {
    device,
    firewall,
    routing,
    network,
    openPing,
    known,
    applier,
    leave: () => (opened ? opened.leave() : device.remove()),
    ranges: () => readable(place().meshRanges),
    describePeers: async () =>
      describePeers(desired.current().peers, await tunnelsOf(device), {
        nowSeconds: clock.now() / 1_000,
        natType: natType(),
        ...(routing ? { astray: routing.astray() } : {}),
        largestTo: (id) => mesh.sizes?.largestTo(id),
      }),
    describePolicies: async () => ({
      ...describeFiltering(mesh, deps),
      ...describeRules({
        policies: desired.current().policies,
        meshIpOf: (id) => firewall?.applier.meshIpOf(id),
        hostnameOf: nameSides([...desired.current().peers, ...self(identity())]),
        counters: (await firewall?.firewall.counters()) ?? new Map(),
      }),
    }),
    checkNetwork: async () => checkNetwork(mesh),
    [Symbol.asyncDispose]: async () => opened?.[Symbol.asyncDispose](),
  }
  return mesh
}

/** What drives the interface may give no answer: that is no fault of who asks. */
function tunnelsOf(device: WireguardDevice): Promise<readonly WgPeer[]> {
  return device.peers().catch((cause: unknown) => {
    throw new ApiError('unavailable', `read the peers: ${describeError(cause)}`)
  })
}

/** The policies in force, and the filter that they are in. */
export type CoreFirewall = PacketFilter & { applier: FirewallApplier }

function openFirewall(
  filter: PacketFilter,
  routing: MeshRouting | undefined,
  { config, desired, identity, problems, log }: CoreMeshDeps,
): CoreFirewall {
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

/**
 * Where the control plane wants this node; what it does not say of that, the config may. `told` are the ranges of the
 * state, as far as it is known: they are newer than those of the identity.
 */
export function placeOf(
  identity: Identity | undefined,
  { meshRanges: pinned, meshInterface }: AgentConfig,
  told: readonly string[] = [],
): PlannedPlace {
  if (!identity) throw new Error('the node is not registered yet')
  const { mesh_ip: meshIp } = identity
  const said = told.length > 0 ? told : rangesOf(identity)
  const meshRanges = said ?? pinned ?? [guessMeshRange(meshIp)]
  return { meshIp, meshRanges, pinned, interfaceName: meshInterface }
}

function leftOut(all: readonly string[], routed: readonly string[]): Cidr[] {
  return readable(all.filter((text) => !routed.includes(text)))
}

/** That one of them is none is told by whoever looks at the place. */
function readable(ranges: readonly string[]): Cidr[] {
  return ranges.flatMap((text) => readRange(text) ?? [])
}

function self(identity: Identity | undefined): { id: string; mesh_ip: string; hostname: string }[] {
  return identity ? [{ ...identity, id: identity.node_id }] : []
}

function describeFiltering(
  { device, firewall }: CoreMesh,
  { config, problems }: CoreMeshDeps,
): Pick<PolicyStatus, 'filtering' | 'reason' | 'default_action'> {
  const unfiltered = device.disabledBecause ?? 'switched off by "policy.enabled: false"'
  return {
    filtering: firewall !== undefined,
    reason: firewall ? problems.of('firewall') : unfiltered,
    default_action: config.policyDefault,
  }
}

function checkNetwork({ device, network, discovery }: CoreMesh): Promise<NetworkStatus> {
  if (discovery) return discovery.check()
  // Nothing of it is different for who asks again.
  if (device.disabledBecause !== undefined)
    throw new ApiError(
      'conflict',
      `this node has no mesh, and so no endpoint that peers could use: it is ${device.disabledBecause}: bring it up with "plexd up --mesh"`,
    )
  if (!network)
    throw new ApiError(
      'conflict',
      'this node does not look for its public endpoint: that is switched off by "nat_traversal.enabled: false"',
    )
  throw new ApiError('unavailable', 'no public endpoint: the node is not registered yet')
}

function absentMesh({ meshInterface, meshEnabled }: AgentConfig): AbsentDevice {
  return new AbsentDevice(
    meshInterface,
    meshEnabled
      ? 'nothing opened an interface'
      : 'switched off by --no-mesh or "mesh.enabled: false"',
  )
}
