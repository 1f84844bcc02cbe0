import type { Fleet, FleetChange } from '../../mesh/fleet.ts'
import type { Tx } from '../../store/db.ts'

/** A unit of work as rows need it: of what is in memory too, row and memory are changed in one step. */
export interface RowUnit {
  readonly tx: Tx
  /** As the units before left it, committed or not, with what this one has applied. Decide by it, never by `app.fleet`. */
  readonly fleet: Fleet
  readonly nowMs: number
  /** Changes the fleet in memory; for the files of rows alone, which change the row beside it. */
  apply(change: FleetChange): void
}
