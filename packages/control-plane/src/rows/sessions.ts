import type { CloseReason, SessionState, SessionWay } from '@plexd/protocol'
import { sql } from 'kysely'
import type { Reader, Tx } from '../store/db.ts'
import type { Row } from '../store/schema.ts'
import { type FirstOf, type PageBounds, readPage } from './page.ts'
import type { RowUnit } from './unit.ts'

type Texts = 'actions' | 'forward'
type Switches = 'shell' | 'recorded' | 'record_input'

export interface StoredSession
  extends Omit<Row<'sessions'>, Texts | Switches | 'state' | 'way' | 'reason'>,
    Record<Texts, string[]>,
    Record<Switches, boolean> {
  state: SessionState
  way: SessionWay
  reason: CloseReason | null
}

/** What becomes of a session. */
export type SessionChange = Partial<
  Pick<
    StoredSession,
    | 'state'
    | 'listen_addr'
    | 'closed_at'
    | 'reason'
    | 'detail'
    | 'revoked_seq'
    | 'reported_at'
    | 'duration'
    | 'bytes_in'
    | 'bytes_out'
    | 'recording_chunks'
  >
>

/** Whose sessions. */
export type SessionsOf = { node_id: string } | { operator_id: string }

// Written out, because SQLite chooses a partial index by the text of a condition and not by what is bound.
const isOpen = sql<boolean>`state <> 'closed'`
/** Of which the node has not said that it runs or has ended. */
export const isUnheard = sql<boolean>`state <> 'open' and reported_at is null`

function storedOf(row: Row<'sessions'>): StoredSession {
  return {
    ...row,
    // All of these are written below.
    state: row.state as SessionState,
    way: row.way as SessionWay,
    reason: row.reason as CloseReason | null,
    actions: JSON.parse(row.actions) as string[],
    forward: JSON.parse(row.forward) as string[],
    shell: row.shell === 1,
    recorded: row.recorded === 1,
    record_input: row.record_input === 1,
  }
}

export async function insertSession(unit: RowUnit, session: StoredSession): Promise<void> {
  await unit.tx
    .insertInto('sessions')
    .values({
      ...session,
      actions: JSON.stringify(session.actions),
      forward: JSON.stringify(session.forward),
      shell: session.shell ? 1 : 0,
      recorded: session.recorded ? 1 : 0,
      record_input: session.record_input ? 1 : 0,
    })
    .execute()
  unit.apply({ type: 'session_put', session })
}

/** Resolves to the session as it is then. */
export async function changeSession(
  unit: RowUnit,
  before: StoredSession,
  change: SessionChange,
): Promise<StoredSession> {
  await unit.tx.updateTable('sessions').set(change).where('id', '=', before.id).execute()
  const session = { ...before, ...change }
  unit.apply({ type: 'session_put', session, was: before.state })
  return session
}

/** Of a tenant, or of any. */
export async function readSession(
  reader: Reader,
  id: string,
  of: { tenant_id?: string } = {},
): Promise<StoredSession | undefined> {
  const row = await reader
    .selectFrom('sessions')
    .selectAll()
    .where('id', '=', id)
    .where(({ and }) => and(of))
    .executeTakeFirst()
  return row && storedOf(row)
}

export async function readSessionsIn(
  reader: Reader,
  ids: readonly string[],
): Promise<StoredSession[]> {
  const rows = await reader.selectFrom('sessions').selectAll().where('id', 'in', ids).execute()
  return rows.map(storedOf)
}

/** Those of a tenant, or of one of its nodes, that were opened before a time, newest first; `id` breaks ties. */
export function readSessionsBefore(
  reader: Reader,
  {
    of,
    state,
    openedAt,
    id,
  }: {
    of: { tenant_id: string } | { node_id: string }
    state: SessionState | undefined
    openedAt: number
    id: string
  },
  bounds: PageBounds,
): Promise<FirstOf<StoredSession>> {
  const sessions = reader
    .selectFrom('sessions')
    .selectAll()
    .where(({ and }) => and(of))
    .where(({ eb, refTuple, tuple }) => eb(refTuple('opened_at', 'id'), '<', tuple(openedAt, id)))
    .$if(state !== undefined, (query) => query.where('state', '=', state ?? ''))
    .orderBy('opened_at', 'desc')
    .orderBy('id', 'desc')
  const bytes = sql<number>`octet_length(actions) + octet_length(forward) + octet_length(detail)`
  return readPage(sessions, bytes, bounds, storedOf)
}

export async function countOpenSessions(reader: Reader, of: SessionsOf): Promise<number> {
  const row = await reader
    .selectFrom('sessions')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where(({ and }) => and(of))
    .where(isOpen)
    .executeTakeFirst()
  return Number(row?.count ?? 0)
}

export async function readOpenSessions(reader: Reader, of: SessionsOf): Promise<StoredSession[]> {
  const rows = await reader
    .selectFrom('sessions')
    .selectAll()
    .where(({ and }) => and(of))
    .where(isOpen)
    .execute()
  return rows.map(storedOf)
}

/** Some of those that should have ended before a time. */
export async function readOverdueSessions(
  reader: Reader,
  { beforeMs, limit }: { beforeMs: number; limit: number },
): Promise<StoredSession[]> {
  const rows = await reader
    .selectFrom('sessions')
    .selectAll()
    .where(isOpen)
    .where('expires_at', '<=', beforeMs)
    .limit(limit)
    .execute()
  return rows.map(storedOf)
}

/** Some of those that have not ended although the token of their operator was revoked, or their node removed. */
export async function readForsakenSessions(
  reader: Reader,
  limit: number,
): Promise<StoredSession[]> {
  const rows = await reader
    .selectFrom('sessions')
    .selectAll()
    .where(isOpen)
    .where(
      sql<boolean>`(not exists (select 1 from admin_tokens where admin_tokens.id = sessions.operator_id and revoked_at is null)
        or not exists (select 1 from nodes where nodes.id = sessions.node_id and removed_at is null))`,
    )
    .limit(limit)
    .execute()
  return rows.map(storedOf)
}

/** Deletes up to `limit` sessions that were opened and closed before a time; resolves to the number. */
export async function deleteClosedSessions(
  tx: Tx,
  beforeMs: number,
  limit: number,
): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom('sessions')
    .where('id', 'in', (query) =>
      query.selectFrom('sessions').select('id').where('closed_at', '<', beforeMs).limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
