import type { CommitLog, Draft } from './log/log.ts'
import type { NewEvent } from './log/new-event.ts'
import type { FleetChange, MutableFleet } from './mesh/fleet.ts'
import type { LoggedEvent } from './rows/log/events.ts'
import { isOfFleet, type RowUnit } from './rows/unit.ts'
import type { Store, Tx } from './store/db.ts'

/** One unit of work on the desired state. */
export interface Unit extends RowUnit {
  /** Puts an event into the log; it is sent once the unit is committed. Nothing is written for an empty audience. */
  emit(event: NewEvent): LoggedEvent | undefined
}

export type Change = <T>(work: (unit: Unit) => Promise<T>) => Promise<T>

/**
 * The one way to change what nodes are told: rows, and what the log says of them, are committed together or not at all,
 * and then the followers of the log are told. `draft` runs ahead of what they have by the units of the group being
 * committed; nobody else sees it, so that nothing is answered or sent that a crash could take back.
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
        emit: (event) => (event.to.length === 0 ? undefined : entry.event(event, nowMs)),
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
