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

/** Everything that handlers can use; created once at startup. */
export interface App {
  readonly config: Config
  readonly store: Store
  /** The committed fleet. Inside a change, use `unit.fleet`. */
  readonly fleet: Fleet
  readonly change: Change
  /** The tenant whose operators may change what all tenants share. */
  readonly firstTenantId: string
  /** Seals the nodes' secrets at rest. */
  readonly masterKey: KeptMasterKey
  readonly masterKeyRotation: MasterKeyRotation
  readonly sealedSecrets: SealedSecrets
  /** The key that `pairPsk` derives from. */
  readonly pskMaster: PskMaster
  /** The data and secrets that each node gets. */
  readonly entries: NodeEntries
  readonly keyring: Keyring
  readonly heads: Heads
  /** The committed changes, for those who follow them. */
  readonly commits: CommitLog
  readonly presence: Presence
  readonly moves: Moves
  readonly notes: NodeNotes
  readonly instances: Instances
  readonly streams: Streams
  readonly executions: ExecutionWatch
  readonly operatorEnds: OperatorEnds
  readonly telemetry: TelemetryStore
  /** How much each node may take of the control plane. */
  readonly budgets: NodeBudgets
  readonly artifacts: ArtifactFiles
  readonly bodies: Bodies
  readonly parser: Parser
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

/** An app with the controls for the code that serves it: set its address, reload, stop. */
export interface RunningApp extends App, AsyncDisposable {
  servesAt(url: string): void
  /** Replaces the settings that may change at runtime; their users read `app.config` each time. */
  reconfigure(config: Config): void
  stop(): void
}
