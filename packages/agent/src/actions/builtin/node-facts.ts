import type { DaemonStatus, PeerStatus, PolicyStatus } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import type { Static } from 'typebox'
import type { AgentConfig } from '../../config/agent-config.ts'
import type { OpenPing } from '../../path/ping-socket.ts'
import type { DesiredState } from '../../state/desired-state.ts'
import type { Upgrade } from '../../upgrade/upgrader.ts'
import type { ReadLog } from '../log-reader.ts'

/** What builtin actions can see of the node, and do to it. What a node cannot do rejects with the reason. */
export interface NodeFacts {
  readonly config: AgentConfig
  readonly clock: Clock
  status(): Static<typeof DaemonStatus>
  desired(): Pick<DesiredState, 'peers'>
  /** How each peer is reached. */
  peers(): Promise<PeerStatus[]>
  policies(): Promise<PolicyStatus>
  openPing: OpenPing
  /** Finds the own endpoint and those of all peers anew, and starts a handshake with each peer that has one. */
  reconnect(signal: AbortSignal): Promise<void>
  /** Reads the settings again. Rejects, and changes nothing, if they are not valid. */
  reload(): Promise<ReloadReport>
  /** Ends the daemon soon, in order, and starts it again. Returns before. */
  restart(): void
  /** Runs another version of plexd. */
  upgrade: Upgrade
  /** Why every upgrade fails here; undefined if one may succeed. */
  readonly cannotUpgrade: string | undefined
  /** Of the daemon's own log. */
  readLog: ReadLog
  /** The secrets that the node knows, which no output may have. */
  secrets(): readonly string[]
}

/** The first keys of settings that differ from those that were in force. */
export interface ReloadReport {
  changed: string[]
  /** Those that the next start will use. */
  needs_restart: string[]
  /** Keys in the file that are no settings, and change nothing. */
  unknown: string[]
  /** Values in the file that can have no effect, each with the reason. */
  ignored: string[]
}
