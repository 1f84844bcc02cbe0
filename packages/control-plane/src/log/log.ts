import { newId } from '@plexd/protocol'
import type { MutableFleet } from '../mesh/fleet.ts'
import type { LoggedEvent } from '../rows/log/events.ts'
import { type Commit, insertCommit } from '../rows/log/log.ts'
import { isOfFleet, type LoggedChange } from '../rows/unit.ts'
import type { Tx } from '../store/db.ts'
import { type NewEvent, refuseOverlong } from './new-event.ts'
import type { PresentLife } from './position.ts'

/** Must be quick and must not throw. */
export type Follower = (commit: Commit) => void

/**
 * What is committed, in its order. Nobody hands it over: whoever keeps something of it in memory follows the log, in this
 * process by `follow`, in another one by `readAfter` of rows/log/log.ts.
 */
export interface CommitLog {
  /** Begins the next commit, that of one unit of work. The one before it is appended, or undone. */
  begin(): Draft
  /** Tells of each commit from now on, those first that asked first. Returns the function that ends it. */
  follow(follower: Follower): () => void
}

/** A commit to be. */
export interface Draft {
  change(change: LoggedChange): void
  /** Gives the event its place in the log. Throws an ApiError (400) for one that no node could be sent. */
  event(event: NewEvent, nowMs: number): LoggedEvent
  /** Writes it, in the transaction of what it tells of. */
  append(tx: Tx, nowMs: number): Promise<void>
  /** It was not committed. The newest first, where there are several. */
  undo(): void
  /** It is committed: tells the followers. */
  committed(): void
}

/** `lastSeq` is that of the last event in the log, or of the last that was. */
export function createCommitLog({
  lastSeq,
  life,
}: {
  lastSeq: number
  life: PresentLife
}): CommitLog {
  const followers = new Set<Follower>()
  /** Of what is written, committed or not. */
  let last = lastSeq

  function begin(): Draft {
    const changes: LoggedChange[] = []
    const events: LoggedEvent[] = []
    const before = last
    const nextSeq = (): number => ++last
    let lastSeq = last
    return {
      change: (change) => void changes.push(change),
      event(event, nowMs) {
        refuseOverlong(event)
        const logged = {
          seq: nextSeq(),
          event_id: newId('event'),
          event_type: event.type,
          payload: JSON.stringify(event.payload),
          created_at: nowMs,
          audience: event.to,
        }
        events.push(logged)
        return logged
      },
      async append(tx, nowMs) {
        const firstSeq = await insertCommit(tx, { changes, events }, { ownSeq: nextSeq, nowMs })
        if (firstSeq !== undefined) await life.note(tx, firstSeq)
        lastSeq = last
      },
      undo() {
        last = before
      },
      committed() {
        if (lastSeq > before) life.noted()
        for (const follower of followers) follower({ changes, events, lastSeq })
      },
    }
  }

  return {
    begin,
    follow(follower) {
      followers.add(follower)
      return () => void followers.delete(follower)
    },
  }
}

export function followFleet(fleet: MutableFleet): Follower {
  return ({ changes }) => {
    for (const change of changes) if (isOfFleet(change)) fleet.apply(change)
  }
}
