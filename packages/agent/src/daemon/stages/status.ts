import {
  type DaemonStatus,
  formatDuration,
  type NodeSessions,
  type TelemetryStatus,
  type UpgradeStatus,
} from '@plexd/protocol'
import { type Clock, showProxy } from '@plexd/runtime'
import type { Static } from 'typebox'
import type { AgentConfig } from '../../config/agent-config.ts'
import type { Addresses, AddressSight } from '../../control/client/addresses.ts'
import type { ClockSkew } from '../../control/client/clock-skew.ts'
import type { Problems } from '../../health/problems.ts'
import type { Vitals } from '../../health/vitals.ts'
import type { Identity } from '../../identity/identity.ts'
import type { Installation } from '../../installation/installation.ts'
import type { MeshStatus } from '../../mesh/mesh-status.ts'
import type { DesiredStore } from '../../state/desired-state.ts'
import type { ReportStore } from '../../state/reports/report-store.ts'
import { describeUpgrade } from '../../upgrade/upgrade-status.ts'
import type { VersionStore } from '../../upgrade/version-store.ts'
import { version } from '../../version.ts'
import type { SendQueues } from './open-queues.ts'

/** Where the status gets its data, at any stage of the daemon. */
export interface StatusSources {
  config: AgentConfig
  addresses: Pick<Addresses, 'sights'>
  /** Undefined until the node is registered. */
  identity?: Identity | undefined
  desired: DesiredStore
  mesh: MeshStatus
  reports: Pick<ReportStore, 'keys' | 'unsyncedCount'>
  versions: Pick<VersionStore, 'read'>
  queues: SendQueues
  waiting?: Waiting
  sessions?: NodeSessions
  telemetry?: TelemetryStatus[]
  vitals: Vitals
  reloads: Reloads
  installation?: Pick<Installation, 'heeded'>
  problems: Problems
  skew: ClockSkew
  startedMs: number
  clock: Clock
  isStopping(): boolean
}

export interface Reloads {
  /** The keys of settings that the next start changes. */
  needsRestart: readonly string[]
}

/** The numbers of items waiting for the control plane. */
export interface Waiting {
  /** Acks and results of executions. */
  results: number
  /** Refused report entries. */
  refusedReports: number
  /** Items that the control plane refused for good, by the name of their queue. */
  refused: Readonly<Record<string, number>>
}

const nothing: Waiting = { results: 0, refusedReports: 0, refused: {} }

/** The complete status for `plexd status` and for actions. */
export function describeStatus(sources: StatusSources): Static<typeof DaemonStatus> {
  const { config, identity, desired, mesh, vitals, problems, skew } = sources
  const { revision, peers, metadata, data, secret_refs } = desired.current()
  const { refused, ...seen } = vitals
  const { results, refusedReports, refused: refusedItems } = sources.waiting ?? nothing
  return {
    version,
    pid: process.pid,
    node_id: identity?.node_id ?? '',
    hostname: identity?.hostname ?? config.hostname,
    mesh_ip: identity?.mesh_ip ?? '',
    uptime: uptimeOf(sources),
    ...(sources.isStopping() ? { stopping: true } : {}),
    control_plane: {
      ...placeOf(sources),
      ...seen,
      clock_skew_seconds: skew.seconds(),
    },
    revision,
    mesh: meshOf(mesh, peers.length),
    counts: {
      metadata: Object.keys(metadata).length,
      data: data.length,
      secrets: secret_refs.length,
      reports: sources.reports.keys().length,
      reports_unsynced: sources.reports.unsyncedCount(),
      pending_results: results,
    },
    ...upgradeOf(sources),
    ...sessionsOf(sources),
    queues: Object.values(sources.queues).map(({ name, waiting }) => ({
      name,
      ...waiting(),
      refused: refusedItems[name] ?? 0,
    })),
    ...(sources.telemetry ? { telemetry: sources.telemetry } : {}),
    ...restartOf(sources.reloads),
    problems: [...problems.list(), ...describeRefused(refusedReports)],
  }
}

/** The address in use, and beside it all of them if there are several. */
function placeOf({
  addresses,
}: StatusSources): Pick<ControlPlaneStatus, 'url' | 'proxy' | 'addresses'> {
  const all = addresses.sights()
  const { apiUrl: url = '', proxyUrl } = all.find(({ isInUse }) => isInUse) ?? {}
  return {
    url,
    ...(proxyUrl === undefined ? {} : { proxy: showProxy(proxyUrl) }),
    ...(all.length > 1 ? { addresses: all.map(describeAddress) } : {}),
  }
}

function describeAddress({ apiUrl, isInUse, failure, failedMs }: AddressSight) {
  return {
    url: apiUrl,
    in_use: isInUse,
    last_error: failure,
    failed_at: failedMs === undefined ? null : new Date(failedMs).toISOString(),
  }
}

type ControlPlaneStatus = Static<typeof DaemonStatus>['control_plane']

export function uptimeOf({ clock, startedMs }: StatusSources): string {
  return formatDuration(Math.floor((clock.monotonic() - startedMs) / 1_000) * 1_000)
}

export function upgradeOf({ versions }: StatusSources): { upgrade?: UpgradeStatus } {
  const upgrade = describeUpgrade(versions.read())
  return upgrade ? { upgrade } : {}
}

function meshOf(
  { disabledBecause: reason, interfaceName, backend, ranges }: MeshStatus,
  peers: number,
): Static<typeof DaemonStatus>['mesh'] {
  return {
    ...{ enabled: reason === undefined, interface: interfaceName, backend, peers },
    ranges: [...ranges],
    ...(reason === undefined ? {} : { reason }),
  }
}

function sessionsOf({ sessions }: StatusSources): Pick<Static<typeof DaemonStatus>, 'sessions'> {
  if (!sessions) return {}
  const { items, max_sessions, reason } = sessions
  return { sessions: { open: items.length, max_sessions, reason } }
}

function restartOf({ needsRestart }: Reloads): { needs_restart?: string[] } {
  return needsRestart.length === 0 ? {} : { needs_restart: [...needsRestart] }
}

function describeRefused(count: number): string[] {
  if (count === 0) return []
  return [`${count} report entries are refused by the control plane: look at the log of plexd`]
}
