import type { CloseReason, SessionState } from '@plexd/protocol'
import type { Fleet, FleetChange } from '../mesh/fleet.ts'
import type { Tx } from '../store/db.ts'
import type { Row } from '../store/schema.ts'

/** A change that a unit of work makes to in-memory state. */
export type LoggedChange =
  | FleetChange
  /** A tenant's data entries or secrets have changed, or were re-encrypted. */
  | { type: 'entries_changed'; tenant_id: string }
  /** The current signing key and, in a transition, the previous one. */
  | { type: 'signing_keys_put'; keys: readonly Row<'signing_keys'>[] }
  /** What nodes are told of the control plane is another text. */
  | { type: 'announcement_put'; text: string }
  /** A session was opened, has gone on or was closed. `was`: its state before, if that is known. */
  | { type: 'session_put'; session: SessionInLog; was?: SessionState | undefined }
  /** A tenant's alert rules, silences or webhooks have changed. */
  | { type: 'alerting_changed'; tenant_id: string }
  /** Events up to `through` have been pruned. */
  | { type: 'log_trimmed'; through: number }

/** What followers of the log need of a session. */
export interface SessionInLog {
  readonly id: string
  readonly tenant_id: string
  readonly node_id: string
  readonly operator_id: string
  readonly operator_name: string
  readonly login: string
  readonly way: string
  readonly state: SessionState
  readonly reason: CloseReason | null
  readonly detail: string
}

export function isOfFleet(change: LoggedChange): change is FleetChange {
  return ![
    'entries_changed',
    'signing_keys_put',
    'announcement_put',
    'session_put',
    'alerting_changed',
    'log_trimmed',
  ].includes(change.type)
}

/** A unit of work, as seen by rows: for what is also in memory, row and memory are changed together. */
export interface RowUnit {
  readonly tx: Tx
  /** The state after the earlier units, committed or not, plus this one's changes. Base decisions on it, never on `app.fleet`. */
  readonly fleet: Fleet
  readonly nowMs: number
  /** Adds a change to the log; only for the files in rows, which change the row as well. */
  apply(change: LoggedChange): void
}
