import type { Fleet, FleetChange } from '../mesh/fleet.ts'
import type { Tx } from '../store/db.ts'

/** A change that a unit of work makes to in-memory state. */
export type LoggedChange =
  | FleetChange
  /** A tenant's data entries or secrets have changed, or were re-encrypted. */
  | { type: 'entries_changed'; tenant_id: string }
  /** Events up to `through` have been pruned. */
  | { type: 'log_trimmed'; through: number }

export function isOfFleet(change: LoggedChange): change is FleetChange {
  return change.type !== 'entries_changed' && change.type !== 'log_trimmed'
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
