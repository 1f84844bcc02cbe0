import type { Fleet, FleetChange } from '../mesh/fleet.ts'
import type { Tx } from '../store/db.ts'

/** What a unit of work changes of what is in memory. */
export type LoggedChange =
  | FleetChange
  /** Data entries or secrets of a tenant are others, or sealed anew. */
  | { type: 'entries_changed'; tenant_id: string }
  /** What is up to `through` is no longer in the log. */
  | { type: 'log_trimmed'; through: number }

export function isOfFleet(change: LoggedChange): change is FleetChange {
  return change.type !== 'entries_changed' && change.type !== 'log_trimmed'
}

/** A unit of work as rows need it: of what is in memory too, row and memory are changed in one step. */
export interface RowUnit {
  readonly tx: Tx
  /** As the units before left it, committed or not, with what this one has applied. Decide by it, never by `app.fleet`. */
  readonly fleet: Fleet
  readonly nowMs: number
  /** Puts a change into the log; for the files of rows alone, which change the row beside it. */
  apply(change: LoggedChange): void
}
