import { appendEvent, type NewEvent, refuseOverlong } from './events/event-log.ts'
import type { PresentLife } from './events/position.ts'
import type { FleetChange, MutableFleet } from './mesh/fleet.ts'
import type { LoggedEvent } from './rows/events.ts'
import type { RowUnit } from './rows/fleet/unit.ts'
import type { Store, Tx } from './store/db.ts'

/** One unit of work on the desired state. */
export interface Unit extends RowUnit {
  /** Writes an event to the log; it is sent once the unit is committed. Nothing is written for an empty audience. */
  emit(event: NewEvent): Promise<LoggedEvent | undefined>
  /** For what else is in memory: runs once the unit is committed, before its events are sent. */
  afterCommit(run: () => void): void
}

export type Change = <T>(work: (unit: Unit) => Promise<T>) => Promise<T>

/**
 * The one way to change what nodes are told: rows, fleet and events are committed together or not at all.
 * `draft` runs ahead of `fleet` by the units of the group being committed; readers see `fleet` only, so that nothing
 * is answered or sent that a crash could take back.
 */
export function createChange(options: {
  store: Store
  fleet: MutableFleet
  draft: MutableFleet
  life: PresentLife
  now: () => number
  publish: (events: readonly LoggedEvent[]) => void
}): Change {
  const { store, fleet, draft, life, now, publish } = options
  return (work) => {
    const changes: FleetChange[] = []
    const inverses: FleetChange[] = []
    const events: LoggedEvent[] = []
    const commits: (() => void)[] = []

    const undo = (): void => {
      for (const inverse of inverses.splice(0).toReversed()) draft.apply(inverse)
    }
    const unitOf = (tx: Tx): Unit => ({
      tx,
      fleet: draft,
      nowMs: now(),
      apply(change) {
        const inverse = draft.apply(change)
        if (inverse) inverses.push(inverse)
        changes.push(change)
      },
      async emit(event) {
        if (event.to.length === 0) return undefined
        refuseOverlong(event)
        const logged = await appendEvent(tx, event, now())
        await life.note(tx, logged.seq)
        events.push(logged)
        return logged
      },
      afterCommit(run) {
        commits.push(run)
      },
    })

    return store.write(
      async (tx) => {
        try {
          return await work(unitOf(tx))
        } catch (error) {
          undo()
          throw error
        }
      },
      {
        undo,
        committed() {
          if (events.length > 0) life.noted()
          for (const change of changes) fleet.apply(change)
          for (const run of commits) run()
          publish(events)
        },
      },
    )
  }
}
