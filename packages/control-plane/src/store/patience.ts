import { sqliteCodeOf, sqliteCodes, systemClock } from '@plexd/runtime'
import { NothingChanged } from './nothing-changed.ts'

/** Runs what may meet a lock of another process, again and again for a while. Rejects with an ApiError (503) then. */
export type Patience = <T>(attempt: () => T | Promise<T>) => Promise<T>

/**
 * Waits `waitMs` for a lock, in turns with all else that the event loop has to do: SQLite's own waiting would hold up
 * everybody. So connections are opened with a timeout of 0.
 */
export function createPatience(waitMs: number): Patience {
  return async (attempt) => {
    const endMs = systemClock.monotonic() + waitMs
    for (let pauseMs = 2; ; pauseMs = Math.min(50, 2 * pauseMs)) {
      try {
        return await attempt()
      } catch (error) {
        if (sqliteCodeOf(error) !== sqliteCodes.busy) throw error
        if (systemClock.monotonic() + pauseMs > endMs) throw lockedError(error, waitMs)
      }
      await systemClock.sleep(pauseMs)
    }
  }
}

function lockedError(cause: unknown, waitMs: number): NothingChanged {
  return new NothingChanged(
    `the database is locked by another process, for longer than ${waitMs} ms (limit database_lock_wait)`,
    { cause, retryAfterSeconds: 5 },
  )
}
