import type { CommitLog, Draft } from './log/log.ts'
import type { NewEvent } from './log/new-event.ts'
import type { FleetChange, MutableFleet } from './mesh/fleet.ts'
import type { LoggedEvent } from './rows/log/events.ts'
import { isOfFleet, type RowUnit } from './rows/unit.ts'
import type { Store, Tx } from './store/db.ts'

/** A unit of work that changes the desired state. */
export interface Unit extends RowUnit {
  /** Adds an event to the log; it is sent after the unit is committed. Does nothing without a recipient. */
  emit(event: NewEvent): LoggedEvent | undefined
}

export type Change = <T>(work: (unit: Unit) => Promise<T>) => Promise<T>

/**
 * The only way to change the desired state of nodes: rows and their log entries are committed atomically, and then the
 * followers of the log are notified. `draft` contains the units of the current group that are not committed yet.
 * No reader sees it, so nothing is answered or sent that a crash could undo.
 */
export function createChange({
  store,
  draft,
  log,
  now,
}: {
  store: Store
  draft: MutableFleet
  log: CommitLog
  now: () => number
}): Change {
  return (work) => {
    const inverses: FleetChange[] = []
    let logged: Draft | undefined
    const undo = (): void => {
      for (const inverse of inverses.splice(0).toReversed()) draft.apply(inverse)
      logged?.undo()
    }

    async function run(tx: Tx, entry: Draft) {
      const nowMs = now()
      const result = await work({
        tx,
        fleet: draft,
        nowMs,
        apply(change) {
          const inverse = isOfFleet(change) ? draft.apply(change) : undefined
          if (inverse) inverses.push(inverse)
          entry.change(change)
        },
        emit: (event) => entry.event(event, nowMs),
      })
      await entry.append(tx, nowMs)
      return result
    }

    return store.write(
      async (tx) => {
        logged = log.begin()
        try {
          return await run(tx, logged)
        } catch (error) {
          undo()
          throw error
        }
      },
      { undo, committed: () => logged?.committed() },
    )
  }
}
