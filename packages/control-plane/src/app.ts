import type { Clock, Log } from '@plexd/runtime'
import type { OperatorEnds } from './access/operator-ends.ts'
import type { Alerting } from './alerts/alerting.ts'
import type { ArtifactStore } from './artifacts/store.ts'
import type { BackupWatch } from './backup/planned/watch.ts'
import type { Change } from './change.ts'
import type { Config } from './config/config.ts'
import type { NodeEntries } from './entries/node-entries.ts'
import type { openDelivery } from './events/delivery.ts'
import type { Forwards } from './forward/forwards.ts'
import type { AddressOf } from './http/connections/client-address.ts'
import type { Metrics } from './http/metrics/metrics.ts'
import type { Upgrader } from './http/turns/upgrades.ts'
import type { Announcing } from './installation/announcing.ts'
import type { ControlPlanes } from './installation/control-planes/control-planes.ts'
import type { Heeds } from './installation/heeds.ts'
import type { Authority } from './installation/replace-authority.ts'
import type { ChangeWatch } from './log/watch.ts'
import type { Fleet } from './mesh/fleet.ts'
import type { createIntake } from './parser/intake.ts'
import type { createNodeMemory } from './presence/node-memory.ts'
import type { RecordingStore } from './recordings/store.ts'
import type { openSeals } from './rotation/seals.ts'
import type { Relay } from './sessions/relay/relay.ts'
import type { Store } from './store/db.ts'
import type { Latest } from './telemetry/latest/latest.ts'
import type { Series } from './telemetry/series/series.ts'
import type { TelemetryStore } from './telemetry/store.ts'
import type { OpenTails } from './telemetry/tail/open-tails.ts'

/** The committed state, and the one way to change it. */
export interface State {
  readonly store: Store
  /** The committed fleet. Inside a change, use `unit.fleet`. */
  readonly fleet: Fleet
  readonly change: Change
  /** The tenant whose operators may change what all tenants share. */
  readonly firstTenantId: string
  /** The data and secrets that each node gets. */
  readonly entries: NodeEntries
}

/** What nodes are told of the control plane itself, and what they have made of it. */
export interface Installation {
  readonly announcing: Announcing
  readonly heeds: Heeds
  readonly controlPlanes: ControlPlanes
}

export type Delivery = Readonly<Awaited<ReturnType<typeof openDelivery>>>
export type Seals = Readonly<Awaited<ReturnType<typeof openSeals>>>
export type NodeMemory = Readonly<ReturnType<typeof createNodeMemory>>
export type Intake = Readonly<ReturnType<typeof createIntake>>

/** Stored beside the database. */
export interface SideStores {
  readonly telemetry: TelemetryStore
  /** Of metrics that are stored there. */
  readonly latest: Latest
  /** Likewise, over time. */
  readonly series: Series
  /** What passes it on. */
  readonly forwards: Forwards
  readonly artifacts: ArtifactStore
  readonly recordings: RecordingStore
}

/** Requests that stay open until something happens. */
export interface Waiters {
  readonly executions: ChangeWatch
  readonly sessions: ChangeWatch
  readonly operatorEnds: OperatorEnds
  /** Of events, logs and audit records. */
  readonly tails: OpenTails
}

/** Who finds out what is wrong with nodes, and tells it. */
export interface Watch {
  readonly backups: BackupWatch
  readonly alerting: Alerting
}

/** The two sides of relayed sessions. */
export interface RelayAccess {
  readonly relay: Relay
  readonly upgrader: Upgrader
}

export interface Reloads {
  /** The settings that the next start changes, by their names in the file. */
  readonly needsRestart: readonly string[]
  /** Why the settings could not be read again; with them the next start would fail. */
  readonly error: string | undefined
}

/** What the process runs with. */
export interface Environment {
  readonly config: Config
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: Log
  /** Id of this run of the control plane. */
  readonly life: string
  /** From which address a request comes, be it by a proxy. */
  readonly addressOf: AddressOf
  /** `https://host:port` at which nodes reach us. */
  publicUrl(): string
  /** The certificate, in PEM, of the authority that signed ours; undefined if it is not our own. */
  authority(): string | undefined
  /** All that nodes have to trust, in PEM; undefined if it is not our own. */
  trusted(): string | undefined
  /** Why no authority of ours is in use; undefined if one is. */
  noAuthority(): string | undefined
  /** The authority in force; undefined if it is not our own. */
  ownAuthority(): Promise<Authority | undefined>
  /** Shows the certificate that belongs to what is committed. */
  refreshCertificate(): Promise<void>
  /** How the last reload of the settings went. */
  readonly reloads: Reloads
  /** Ends the process with exit code 1. */
  fail(why: Error): void
  /** Why requests are refused; undefined while we serve. */
  notServing(): NotServing | undefined
  /** Whether we end soon, and still do what we did. */
  isDraining(): boolean
  /** Who serves in our place, while we wait for our turn. */
  waitsFor(): string | undefined
}

/** Another one serves from the database, the app is not open yet, or we are shutting down. */
type NotServing = 'waiting' | 'starting' | 'stopping'

/** Everything there is; created once at startup. Handlers and jobs name the groups that they use. */
export interface App
  extends State,
    Delivery,
    Seals,
    NodeMemory,
    Intake,
    SideStores,
    Waiters,
    RelayAccess,
    Watch,
    Installation,
    Environment {}

/** What the code that serves an app controls. */
export interface Controls {
  /** Another one serves; undefined once our turn has come. */
  waits(holder: string | undefined): void
  servesAt(url: string): void
  /** With its certificate; none without TLS. */
  shows(certificate: Shown | undefined): void
  /** Replaces the settings that may change at runtime; their users read `app.config` each time. */
  reconfigure(config: Config): void
  reloaded(how: Reloads): void
  /** From now on whoever asks whether we are ready is told that we end soon. */
  drain(): void
  stop(): void
  /** Resolves once it cannot go on. */
  readonly failed: Promise<Error>
}

/** Who vouches for us, whenever it is asked. */
export interface Shown {
  current(): { ca?: string; trusted?: string }
  ownAuthority(): Promise<Authority>
  refresh(): Promise<void>
}

export interface RunningApp extends App, Controls, AsyncDisposable {}
