import type { DatabaseSync } from 'node:sqlite'
import { freshnessMs } from '@plexd/protocol'
import type { Clock } from '@plexd/runtime'
import { createMark } from '../../disk/mark.ts'
import { inTransaction } from '../../disk/tables.ts'
import { isCovered } from '../../state/revision.ts'

/**
 * State that must survive a restart, so that no event is lost, run twice or replayed: the cursor, the ids of handled
 * events, and the nonces of the last minutes.
 */
export interface StreamMemory {
  /** SSE id of the last handled event; empty for none. */
  cursor(): string
  wasHandled(eventId: string): boolean
  /** Whether a nonce was seen before. Remembered until the next commit, and permanently if its event is in that. */
  meetNonce(nonce: string, issuedMs: number): boolean
  /** Durably marks these events as handled, in the given order. Events that were seen but are not among them may come again. */
  commit(handled: readonly HandledEvent[]): void
  /** Makes the next connection start with new events only. */
  forgetCursor(): void
}

export interface HandledEvent {
  /** SSE id; an empty or older one leaves the cursor unchanged. */
  id: string
  eventId: string
  nonce: string
}

/** Older ids and nonces than these are deleted; both lists are far longer than the server's own replay window. */
const maxRemembered = 20_000

export function createStreamMemory(database: DatabaseSync, clock: Clock): StreamMemory {
  const cursorMark = createMark(database, 'cursor')
  const selectEvent = database.prepare('SELECT 1 FROM seen_events WHERE event_id = ?')
  const insertEvent = database.prepare(
    'INSERT OR IGNORE INTO seen_events SELECT ?, coalesce(max(no), 0) + 1 FROM seen_events',
  )
  const trimEvents = database.prepare(
    `DELETE FROM seen_events WHERE no <= (SELECT max(no) FROM seen_events) - ${maxRemembered}`,
  )
  const selectNonce = database.prepare('SELECT 1 FROM nonces WHERE nonce = ?')
  const insertNonce = database.prepare('INSERT OR IGNORE INTO nonces VALUES (?, ?)')
  const dropStaleNonces = database.prepare('DELETE FROM nonces WHERE issued_ms < ?')
  const trimNonces = database.prepare(
    `DELETE FROM nonces WHERE nonce IN
      (SELECT nonce FROM nonces ORDER BY issued_ms DESC LIMIT -1 OFFSET ${maxRemembered})`,
  )
  let cursor = cursorMark.read() ?? ''
  /** Seen since the last commit. */
  let met = new Map<string, number>()

  function setCursor(to: string): void {
    cursorMark.write(to)
    cursor = to
  }

  return {
    cursor: () => cursor,
    wasHandled: (eventId) => selectEvent.get(eventId) !== undefined,
    meetNonce(nonce, issuedMs) {
      const known = met.has(nonce) || selectNonce.get(nonce) !== undefined
      if (!known) met.set(nonce, issuedMs)
      return known
    },
    commit(handled) {
      inTransaction(database, () => {
        for (const { eventId, nonce } of handled) {
          insertEvent.run(eventId)
          insertNonce.run(nonce, met.get(nonce) ?? clock.now())
        }
        dropStaleNonces.run(clock.now() - freshnessMs)
        trimEvents.run()
        trimNonces.run()
        const last = handled.reduce(
          (at, { id }) => (id === '' || isCovered(id, at) ? at : id),
          cursor,
        )
        if (last !== cursor) setCursor(last)
      })
      met = new Map()
    },
    forgetCursor: () => setCursor(''),
  }
}
