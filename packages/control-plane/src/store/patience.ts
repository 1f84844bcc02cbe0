import { sqliteCodeOf, sqliteCodes, systemClock } from '@plexd/runtime'
import { NothingChanged } from './nothing-changed.ts'

/** Retries an operation for a while if another process holds a lock. Then rejects with an ApiError (503). */
export type Patience = <T>(attempt: () => T | Promise<T>) => Promise<T>

/**
 * Waits up to `waitMs` for a lock without blocking the event loop, as SQLite's own busy timeout would.
 * So connections are opened with a timeout of 0.
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
