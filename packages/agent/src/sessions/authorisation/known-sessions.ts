import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '@plexd/runtime'

export type KnownState = 'open' | 'closed' | 'revoked'

/**
 * The sessions that this node was asked to open or to revoke, until their tokens have expired: each is opened once at most. What a call
 * changes is on the disk when it returns.
 */
export interface KnownSessions {
  stateOf(sessionId: string): KnownState | undefined
  /** Throws if it is known already. */
  open(session: { session_id: string; expires_ms: number }): void
  /** Also one that was never open: then it never will be. One that was revoked stays so. */
  end(sessionId: string, state: 'closed' | 'revoked'): void
  /** The ids of those that an earlier life of the daemon has left open. */
  leftOpen(): string[]
}

/** Kept for longer than the token, because a clock may be set back. */
const keptForMs = 24 * 3_600_000

/** No session is longer, so that one that was revoked and never set up is not kept forever. */
const longestMs = 24 * 3_600_000

export function openKnownSessions(
  database: DatabaseSync,
  clock: Pick<Clock, 'now'>,
): KnownSessions {
  const select = database.prepare('SELECT state FROM sessions WHERE session_id = ?')
  const insert = database.prepare("INSERT INTO sessions VALUES (?, 'open', ?, ?)")
  const upsert = database.prepare(
    `INSERT INTO sessions VALUES (?, ?, ?, ?) ON CONFLICT (session_id) DO UPDATE
       SET state = CASE state WHEN 'revoked' THEN state ELSE excluded.state END`,
  )
  const selectOpen = database.prepare("SELECT session_id FROM sessions WHERE state = 'open'")
  const purge = database.prepare("DELETE FROM sessions WHERE expires_ms < ? AND state <> 'open'")
  return {
    stateOf(sessionId) {
      const row = select.get(sessionId)
      return row && (String(row.state) as KnownState) // by the statements that write it
    },
    open({ session_id, expires_ms }) {
      purge.run(clock.now() - keptForMs)
      insert.run(session_id, clock.now(), expires_ms)
    },
    end(sessionId, state) {
      const now = clock.now()
      upsert.run(sessionId, state, now, now + longestMs)
    },
    leftOpen: () => selectOpen.all().map((row) => String(row.session_id)),
  }
}
