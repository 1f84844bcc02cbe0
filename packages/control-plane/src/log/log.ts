import { newId } from '@plexd/protocol'
import { audienceOf } from '../rows/log/audience.ts'
import type { LoggedEvent } from '../rows/log/events.ts'
import { noteLife } from '../rows/log/lives.ts'
import { type Commit, insertCommit } from '../rows/log/log.ts'
import type { LoggedChange } from '../rows/unit.ts'
import type { Tx } from '../store/db.ts'
import { type NewEvent, refuseOverlong } from './new-event.ts'

/** Must be quick and must not throw. */
export type Follower = (commit: Commit) => void

/**
 * The committed changes, in order. Code that keeps a copy of something in memory follows the log, in this
 * process with `follow`, in another one with `readAfter` of rows/log/log.ts.
 */
export interface CommitLog {
  /** Begins the next commit, that of one unit of work. The previous one must have been appended or undone. */
  begin(): Draft
  /** Calls the follower for each commit from now on, in the order of subscription. Returns the function that unsubscribes. */
  follow(follower: Follower): () => void
}

/** A commit in preparation. */
export interface Draft {
  change(change: LoggedChange): void
  /** Gives an event with recipients its place in the log. Throws an ApiError (400) for one that could not be sent to any node. */
  event(event: NewEvent, nowMs: number): LoggedEvent | undefined
  /** Writes it, in the same transaction as the changes it describes. */
  append(tx: Tx, nowMs: number): Promise<void>
  /** Call this if the transaction failed; if several failed, the newest first. */
  undo(): void
  /** Call this after the transaction was committed: notifies the followers. */
  committed(): void
}

/**
 * `lastSeq` is the highest sequence ever assigned, even if that event has been pruned; `life` is the id of this run, which
 * is stored with its first event, in the same transaction.
 */
export function createCommitLog({ lastSeq, life }: { lastSeq: number; life: string }): CommitLog {
  const followers = new Set<Follower>()
  /** The last sequence assigned, committed or not. */
  let last = lastSeq
  let isLifeStored = false

  function begin(): Draft {
    const changes: LoggedChange[] = []
    const events: LoggedEvent[] = []
    const before = last
    const nextSeq = (): number => ++last
    let through = last
    return {
      change: (change) => void changes.push(change),
      event(event, nowMs) {
        const audience = audienceOf(Array.from(event.to, ({ no }) => no))
        if (audience.length === 0) return undefined
        refuseOverlong(event)
        const logged = {
          seq: nextSeq(),
          event_id: newId('event'),
          event_type: event.type,
          payload: JSON.stringify(event.payload),
          created_at: nowMs,
          audience,
        }
        events.push(logged)
        return logged
      },
      async append(tx, nowMs) {
        const first_seq = await insertCommit(tx, { changes, events }, { ownSeq: nextSeq, nowMs })
        if (first_seq !== undefined && !isLifeStored) await noteLife(tx, { id: life, first_seq })
        through = last
      },
      undo() {
        last = before
      },
      committed() {
        isLifeStored ||= through > before
        for (const follower of followers) follower({ changes, events, lastSeq: through })
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
