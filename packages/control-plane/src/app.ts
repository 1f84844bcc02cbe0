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

/** The one object that handlers get. */
export interface App {
  readonly config: Config
  readonly store: Store
  /** What is committed. Inside a change look at `unit.fleet` instead. */
  readonly fleet: Fleet
  readonly change: Change
  /** Whose operators may touch what all tenants share. */
  readonly firstTenantId: string
  /** What nodes' secrets at rest are sealed under. */
  readonly masterKey: KeptMasterKey
  readonly masterKeyRotation: MasterKeyRotation
  readonly sealedSecrets: SealedSecrets
  /** For `pairPsk`. */
  readonly pskMaster: PskMaster
  /** What nodes get of data and secrets. */
  readonly entries: NodeEntries
  readonly keyring: Keyring
  readonly heads: Heads
  /** What is committed, for who follows it. */
  readonly commits: CommitLog
  readonly presence: Presence
  readonly moves: Moves
  readonly notes: NodeNotes
  readonly instances: Instances
  readonly streams: Streams
  readonly executions: ExecutionWatch
  readonly operatorEnds: OperatorEnds
  readonly telemetry: TelemetryStore
  /** What each node may take of us. */
  readonly budgets: NodeBudgets
  readonly artifacts: ArtifactFiles
  readonly bodies: Bodies
  readonly parser: Parser
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: Log
  /** Id of this run. */
  readonly life: string
  /** `https://host:port`, as nodes reach us. */
  publicUrl(): string
  /** Why no new work is taken: it is not known yet where nodes reach us, or we are about to end. */
  notServing(): 'starting' | 'stopping' | undefined
}

/** An app that whoever serves it can point at its address, and take down. */
export interface RunningApp extends App, AsyncDisposable {
  servesAt(url: string): void
  /** What of the settings may change while it runs: whoever uses them asks each time. */
  reconfigure(config: Config): void
  stop(): void
}
