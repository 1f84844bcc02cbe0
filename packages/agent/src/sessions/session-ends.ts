import { describeError, type Log } from '@plexd/runtime'
import type { KnownSessions } from './authorisation/known-sessions.ts'
import type { SessionEnd, SessionReports } from './session-reports.ts'

/** What there is to do once a session has ended. */
export interface SessionEnds {
  /** Reports it, and notes it after that: a report that is sent twice does no harm. */
  settle(how: SessionEnd): Promise<void>
  /** It is never opened again. */
  note(sessionId: string, state: 'closed' | 'revoked'): void
  /** Goes on by itself. */
  track(work: Promise<unknown>): void
  /** Resolves when nothing goes on any more. */
  done(): Promise<void>
}

export function createSessionEnds({
  known,
  reports,
  log,
}: {
  known: KnownSessions
  reports: SessionReports
  log: Log
}): SessionEnds {
  const ending = new Set<Promise<void>>()

  function note(session_id: string, state: 'closed' | 'revoked'): void {
    try {
      known.end(session_id, state)
    } catch (error) {
      log.error('end of a session cannot be noted', { session_id, error: describeError(error) })
    }
  }

  return {
    async settle(how) {
      await reports.closed(how)
      note(how.session_id, 'closed')
    },
    note,
    track(work) {
      const done = work
        .catch((error: unknown) => log.error('session not ended', { error: describeError(error) }))
        .then(() => {})
      ending.add(done)
      void done.then(() => ending.delete(done))
    },
    async done() {
      while (ending.size > 0) await Promise.all(ending)
    },
  }
}
