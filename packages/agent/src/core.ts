import type { DatabaseSync } from 'node:sqlite'
import {
  ApiError,
  type DaemonStatus,
  formatCidr,
  type NatType,
  type NetworkStatus,
  type PeerStatus,
  type PolicyStatus,
  parseCidr,
} from '@plexd/protocol'
import { type Clock, type Log, systemClock } from '@plexd/runtime'
import type { Static } from 'typebox'
import { builtinActions } from './actions/builtin/index.ts'
import type { Action } from './actions/define.ts'
import type { AgentConfig } from './config.ts'
import { type ClockSkew, createClockSkew } from './control/clock-skew.ts'
import type { ControlLoops } from './control-loops.ts'
import { openDatabase } from './database.ts'
import { createFirewallApplier, type FirewallApplier } from './firewall/applier.ts'
import type { PacketFilter } from './firewall/packet-filter.ts'
import { describeRules } from './firewall/policy-status.ts'
import type { Identity, IdentityStore } from './identity.ts'
import type { Standpoint } from './nat/choose-endpoint.ts'
import type { Discovery } from './nat/discover.ts'
import { createKnownEndpoint, type KnownEndpoint } from './nat/known-endpoint.ts'
import type { DiscoveredEndpoint, RoundOptions } from './nat/rounds.ts'
import { createProblems, type Problems } from './problems.ts'
import { type Applier, createApplier } from './reconcile/apply.ts'
import type { DesiredStore } from './state/desired-state.ts'
import { openDesiredStore } from './state/desired-store.ts'
import { openReportStore, type ReportStore } from './state/report-store.ts'
import { describeStatus, type StatusSources } from './status.ts'
import { createVitals, type Vitals } from './vitals.ts'
import type { WireguardDevice } from './wireguard/device.ts'
import { createFakeDevice } from './wireguard/device-fake.ts'
import { guessMeshRange } from './wireguard/mesh-range.ts'
import { describePeers } from './wireguard/peer-status.ts'

export interface AgentDeps {
  log: Log
  clock?: Clock
  env?: NodeJS.ProcessEnv
  /** The mesh interface; where none is given nothing moves packets, and the status says so. */
  device?: WireguardDevice
  /** Opens all of the mesh instead, given what is known of this node's place in it by the time that it is needed. */
  openMesh?: (place: MeshPlace) => Promise<OpenMesh>
  /** Ends an enrolment that is still trying. */
  signal?: AbortSignal
}

/** This node's place in the mesh. */
export interface MeshPlace {
  network(): { meshIp: string; meshRange: string }
  natType(): NatType
}

/** What a mesh is made of on this machine. */
export interface OpenMesh extends AsyncDisposable {
  device: WireguardDevice
  /** Absent where the config says that packets are not filtered. */
  filter?: PacketFilter
  /** Where the public endpoint is looked for; absent where the config says that it is not. */
  network?: RoundOptions
}

/** All of a daemon that needs no control plane: what is on the disk, the interface, the state of things. */
export interface Core extends AsyncDisposable {
  readonly config: AgentConfig
  readonly clock: Clock
  readonly log: Log
  readonly database: DatabaseSync
  readonly desired: DesiredStore
  readonly reports: ReportStore
  readonly device: WireguardDevice
  /** Absent where packets are not filtered. */
  readonly firewall: CoreFirewall | undefined
  /** Absent where the public endpoint is not looked for. */
  readonly network: RoundOptions | undefined
  /** What the last round found, of this daemon or of an earlier one. */
  readonly known: KnownEndpoint
  readonly applier: Applier
  readonly actions: readonly Action[]
  readonly problems: Problems
  readonly vitals: Vitals
  readonly skew: ClockSkew
  readonly status: StatusSources
  describe(): Static<typeof DaemonStatus>
  describePeers(): Promise<PeerStatus[]>
  describePolicies(): Promise<PolicyStatus>
  /** Throws an ApiError (503) where nothing looks for the public endpoint. */
  checkNetwork(): Promise<NetworkStatus>
  /** Absent until the node is registered. */
  identity?: IdentityStore
  /** Absent until there is an identity, and where the public endpoint is not looked for. */
  discovery?: Discovery
  /** Absent until the control plane is spoken to. */
  loops?: ControlLoops
}

/** Rejects with a CliError when the data dir cannot be used. */
export async function openCore(config: AgentConfig, deps: AgentDeps): Promise<Core> {
  const { log, clock = systemClock } = deps
  await using stack = new AsyncDisposableStack()
  const database = stack.adopt(openDatabase(config.dataDir, log), (open) => open.close())
  const desired = await openDesiredStore({ dataDir: config.dataDir, log })
  const reports = stack.use(await openReportStore({ dataDir: config.dataDir, clock, log }))
  const problems = createProblems()
  const vitals = createVitals()
  const skew = createClockSkew({ clock, log, problems })
  const place: MeshPlace = {
    network: () => networkOf(core.identity?.current()),
    natType: () => whereabouts()?.nat_type ?? 'unknown',
  }
  const known = createKnownEndpoint(database)
  const before = known.read()
  const whereabouts = (): DiscoveredEndpoint | undefined => core.discovery?.current() ?? before
  const mesh = deps.openMesh && stack.use(await deps.openMesh(place))
  const device = mesh?.device ?? deps.device ?? createFakeDevice(disabledMesh(config))
  const { filter, network } = mesh ?? {}
  const self = (): Identity | undefined => core.identity?.current()
  const firewall = filter && openFirewall(filter, { config, desired, self, problems, log })
  const status: StatusSources = {
    config,
    identity: () => core.identity?.current(),
    desired,
    device,
    reports,
    waiting: () => core.loops?.waiting() ?? { results: 0, refusedReports: 0 },
    vitals,
    problems,
    skew,
    startedMs: clock.now(),
    clock,
  }
  const standpoint = (): Standpoint => ({
    own: whereabouts(),
    interfaces: network?.interfaces() ?? {},
  })
  const describe = (): Static<typeof DaemonStatus> => describeStatus(status)
  const opened = stack.move()
  const core: Core = {
    config,
    clock,
    log,
    database,
    desired,
    reports,
    device,
    firewall,
    network,
    known,
    applier: createApplier({
      device,
      firewall: firewall?.applier,
      desired,
      standpoint,
      problems,
      log,
    }),
    actions: builtinActions({ status: describe, peers: () => desired.current().peers }),
    problems,
    vitals,
    skew,
    status,
    describe,
    describePeers: async () =>
      describePeers(desired.current().peers, await device.peers(), {
        nowSeconds: clock.now() / 1_000,
        natType: place.natType(),
      }),
    describePolicies: async () => ({
      ...describeFiltering(core),
      ...describeRules({
        policies: desired.current().policies,
        meshIpOf: (id) => firewall?.applier.meshIpOf(id),
        counters: (await firewall?.firewall.counters()) ?? new Map(),
      }),
    }),
    checkNetwork: async () => checkNetwork(core),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
  return core
}

/** The policies in force, and the filter that they are in. */
export type CoreFirewall = PacketFilter & { applier: FirewallApplier }

function openFirewall(
  filter: PacketFilter,
  {
    config,
    ...deps
  }: Pick<Core, 'config' | 'desired' | 'problems' | 'log'> & {
    self: () => Identity | undefined
  },
): CoreFirewall {
  const applier = createFirewallApplier({
    ...deps,
    firewall: filter.firewall,
    isWatched: filter.openChanges !== undefined,
    ruleset: {
      interface: config.meshInterface,
      defaultAction: config.policyDefault,
      logDenied: config.policyLogDenied,
    },
  })
  return { ...filter, applier }
}

function networkOf(identity: Identity | undefined): { meshIp: string; meshRange: string } {
  if (!identity) throw new Error('the node is not registered yet')
  const { mesh_ip, mesh_range } = identity
  // Parsed, because it becomes part of a command.
  const meshRange = formatCidr(parseCidr(mesh_range ?? guessMeshRange(mesh_ip)))
  return { meshIp: mesh_ip, meshRange }
}

function describeFiltering({
  config,
  device,
  firewall,
  problems,
}: Core): Pick<PolicyStatus, 'filtering' | 'reason' | 'default_action'> {
  const unfiltered = device.disabledBecause ?? 'switched off by "policy.enabled: false"'
  return {
    filtering: firewall !== undefined,
    reason: firewall ? problems.of('firewall') : unfiltered,
    default_action: config.policyDefault,
  }
}

function checkNetwork({ device, network, discovery }: Core): Promise<NetworkStatus> {
  if (discovery) return discovery.check()
  const why =
    device.disabledBecause === undefined
      ? network
        ? 'the node is not registered yet'
        : 'the search for it is switched off by "nat_traversal.enabled: false"'
      : `the mesh is ${device.disabledBecause}`
  throw new ApiError('unavailable', `no public endpoint: ${why}`)
}

function disabledMesh(config: AgentConfig): { interfaceName: string; disabledBecause: string } {
  return {
    interfaceName: config.meshInterface,
    disabledBecause: config.meshEnabled
      ? 'nothing opened an interface'
      : 'switched off by --no-mesh or "mesh.enabled: false"',
  }
}
