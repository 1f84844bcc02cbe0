import type { Unit } from '../change.ts'
import {
  changeSession,
  readOpenSessions,
  type SessionsOf,
  type StoredSession,
} from '../rows/sessions.ts'
import { end } from './transitions.ts'

/** Ends a session, whatever happens in it, and tells its node. Resolves to it as it is then; does nothing to one that has ended. */
export async function revokeSession(
  unit: Unit,
  row: StoredSession,
  detail: string,
): Promise<StoredSession> {
  const change = end(row, { reason: 'revoked', detail }, unit.nowMs)
  if (!change) return row
  const node = unit.fleet.node(row.node_id)
  const payload = { session_id: row.id, revoked_at: new Date(unit.nowMs).toISOString() }
  const event = node && unit.emit({ type: 'session_revoked', to: [node], payload })
  return changeSession(unit, row, { ...change, revoked_seq: event?.seq ?? null })
}

/** Ends all sessions of a node or an operator. */
export async function revokeSessionsOf(unit: Unit, of: SessionsOf, detail: string): Promise<void> {
  for (const row of await readOpenSessions(unit.tx, of)) await revokeSession(unit, row, detail)
}

/** Closes a session whose time is up, and whose end was not reported: it is lost if it has begun. */
export async function closeOverdue(unit: Unit, row: StoredSession): Promise<void> {
  const change = end(
    row,
    row.state === 'opening'
      ? { reason: 'expired', detail: 'the node never answered' }
      : { reason: 'lost', detail: 'the node did not report its end' },
    unit.nowMs,
  )
  if (change) await changeSession(unit, row, change)
}
