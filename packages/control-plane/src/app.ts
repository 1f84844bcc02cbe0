import type { Clock, Log } from '@plexd/runtime'
import type { NodeBudgets } from './access/node-budgets.ts'
import type { OperatorEnds } from './access/operator-ends.ts'
import type { ArtifactFiles } from './artifacts/files.ts'
import type { Change } from './change.ts'
import type { Config } from './config/config.ts'
import type { NodeEntries } from './entries/node-entries.ts'
import type { SealedSecrets } from './entries/sealed-secrets.ts'
import type { Heads } from './events/heads.ts'
import type { Keyring } from './events/keyring.ts'
import type { Streams } from './events/streams.ts'
import type { ExecutionWatch } from './executions/watch.ts'
import type { Bodies } from './http/bodies/bodies.ts'
import type { Metrics } from './http/metrics.ts'
import type { CommitLog } from './log/log.ts'
import type { Fleet } from './mesh/fleet.ts'
import type { Parser } from './parser/parser.ts'
import type { Instances } from './presence/instances.ts'
import type { Moves } from './presence/moves.ts'
import type { NodeNotes } from './presence/notes.ts'
import type { Presence } from './presence/presence.ts'
import type { MasterKeyRotation } from './rotation/master-key.ts'
import type { KeptMasterKey } from './seal/master-key.ts'
import type { PskMaster } from './seal/psk.ts'
import type { Store } from './store/db.ts'
import type { TelemetryStore } from './telemetry/store.ts'

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

/** How nodes and operators are told of what is committed. */
export interface Delivery {
  /** The committed changes, for those who follow them. */
  readonly commits: CommitLog
  readonly heads: Heads
  readonly streams: Streams
  readonly keyring: Keyring
}

/** The keys of the installation; no one else may open a sealed text. */
export interface Seals {
  /** Seals the nodes' secrets at rest. */
  readonly masterKey: KeptMasterKey
  readonly masterKeyRotation: MasterKeyRotation
  readonly sealedSecrets: SealedSecrets
  /** The key that `pairPsk` derives from. */
  readonly pskMaster: PskMaster
}

/** Known of each node in memory only. */
export interface NodeMemory {
  readonly presence: Presence
  readonly moves: Moves
  readonly notes: NodeNotes
  readonly instances: Instances
}

/** Reads large request bodies, within bounds. */
export interface Intake {
  readonly bodies: Bodies
  readonly parser: Parser
  /** How much each node may take of the control plane. */
  readonly budgets: NodeBudgets
}

/** Stored beside the database. */
export interface SideStores {
  readonly telemetry: TelemetryStore
  readonly artifacts: ArtifactFiles
}

/** Requests that stay open until something happens. */
export interface Waiters {
  readonly executions: ExecutionWatch
  readonly operatorEnds: OperatorEnds
}

/** What the process runs with. */
export interface Environment {
  readonly config: Config
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: Log
  /** Id of this run of the control plane. */
  readonly life: string
  /** `https://host:port` at which nodes reach us. */
  publicUrl(): string
  /** Why requests are refused: the address for nodes is not known yet, or we are shutting down. */
  notServing(): 'starting' | 'stopping' | undefined
}

/** Everything there is; created once at startup. Handlers and jobs name the groups that they use. */
export interface App
  extends State,
    Delivery,
    Seals,
    NodeMemory,
    Intake,
    SideStores,
    Waiters,
    Environment {}

/** An app with the controls for the code that serves it: set its address, reload, stop. */
export interface RunningApp extends App, AsyncDisposable {
  servesAt(url: string): void
  /** Replaces the settings that may change at runtime; their users read `app.config` each time. */
  reconfigure(config: Config): void
  stop(): void
}
