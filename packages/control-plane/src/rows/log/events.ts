import type { EventType } from '@plexd/protocol'
import { sql } from 'kysely'
import type { Reader } from '../../store/db.ts'
import { isOutstanding } from '../executions/executions.ts'
import { isUnheard } from '../sessions.ts'
import { type Audience, includes } from './audience.ts'

/**
 * An event as it is stored: unsigned, once for all its recipients. Anything secret, or different by recipient, is
 * not in `payload`; it is filled in when the event is sent (payload-for.ts).
 */
export interface StoredEvent {
  readonly seq: number
  readonly event_id: string
  readonly event_type: EventType
  /** JSON text of a `StoredPayload`. */
  readonly payload: string
  readonly created_at: number
}

export interface LoggedEvent extends StoredEvent {
  readonly audience: Audience
}

/** The events for a node after `afterSeq`, oldest first, from one page of the log. */
export async function readEventsFor(
  reader: Reader,
  { no, afterSeq, limit = 500 }: { no: number; afterSeq: number; limit?: number },
): Promise<{ events: StoredEvent[]; lastSeq: number; more: boolean }> {
  const rows = await reader
    .selectFrom('events')
    .select(['seq', 'event_id', 'event_type', 'payload', 'created_at', 'audience'])
    .where('seq', '>', afterSeq)
    .orderBy('seq')
    .limit(limit)
    .execute()
  return {
    events: rows
      .filter(({ audience }) => includes(audience, no))
      .map(({ audience: _, ...row }) => ({ ...row, event_type: row.event_type as EventType })), // only insertCommit writes it
    lastSeq: rows.at(-1)?.seq ?? afterSeq,
    more: rows.length === limit,
  }
}

/** With its recipients in their stored form, which for a whole fleet is some bytes. */
export interface EncodedEvent extends StoredEvent {
  readonly audience: Uint8Array
}

/** The last events of the log, in order. */
export async function readNewest(reader: Reader, limit: number): Promise<EncodedEvent[]> {
  const rows = await reader
    .selectFrom('events')
    .select(['seq', 'event_id', 'event_type', 'payload', 'created_at', 'audience'])
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute()
  return rows.toReversed().map((row) => ({ ...row, event_type: row.event_type as EventType })) // only insertCommit writes it
}

/** An event, and the node to which it may have to be sent again. */
export interface UnansweredEvent extends StoredEvent {
  readonly node_id: string
}

/**
 * What nodes are sent again, because it may have been lost after sending, oldest first: the action requests that they
 * have neither accepted nor rejected and that are not expired, and the cancelling of those that they run; likewise the
 * sessions of which they have said nothing, and the end of those that we have ended. Nodes recognise them by the id of the
 * execution or session.
 */
export async function readUnanswered(
  reader: Reader,
  nodeIds: readonly string[],
  nowMs: number,
): Promise<UnansweredEvent[]> {
  const events = [
    ...(await readUnansweredRequests(reader, nodeIds, nowMs)),
    ...(await readUnheardOfSessions(reader, nodeIds, nowMs)),
  ]
  return events
    .map((row) => ({ ...row, event_type: row.event_type as EventType })) // only insertCommit writes it
    .toSorted((one, other) => one.seq - other.seq)
}

const columnsOfUnanswered = [
  'node_id',
  'seq',
  'event_id',
  'event_type',
  'events.payload',
  'events.created_at',
] as const

function readUnheardOfSessions(reader: Reader, nodeIds: readonly string[], nowMs: number) {
  return reader
    .selectFrom('sessions')
    .innerJoin('events', (join) => join.on(sql<boolean>`events.seq = ${sessionToldBy}`))
    .select(columnsOfUnanswered)
    .where('node_id', 'in', nodeIds)
    .where(isUnheard)
    .where('expires_at', '>', nowMs)
    .execute()
}

function readUnansweredRequests(reader: Reader, nodeIds: readonly string[], nowMs: number) {
  return reader
    .selectFrom('executions')
    .innerJoin('events', (join) => join.on(sql<boolean>`events.seq = ${toldBy}`))
    .select(columnsOfUnanswered)
    .where('node_id', 'in', nodeIds)
    .where(isOutstanding)
    .where('deadline_at', '>', nowMs)
    .execute()
}

/** The event by which the node of an outstanding execution is told what it may not know yet; null for none. */
export const toldBy = sql<
  number | null
>`case status when 'pending' then event_seq else cancel_seq end`

/** The same of a session whose node has not said what became of it. */
export const sessionToldBy = sql<
  number | null
>`case state when 'opening' then setup_seq else revoked_seq end`

/** The audiences of the last events before `seq`, newest first, encoded as in audience.ts. */
export function readAudiencesBefore(
  reader: Reader,
  seq: number,
): Promise<{ seq: number; audience: Uint8Array }[]> {
  return reader
    .selectFrom('events')
    .select(['seq', 'audience'])
    .where('seq', '<', seq)
    .orderBy('seq', 'desc')
    .limit(1_000)
    .execute()
}

/** Sequence of the first event after `afterSeq` written at `sinceMs` or later. */
export async function oldestSince(
  reader: Reader,
  sinceMs: number,
  afterSeq = 0,
): Promise<number | undefined> {
  const row = await reader
    .selectFrom('events')
    .select('seq')
    .where('seq', '>', afterSeq)
    .where('created_at', '>=', sinceMs)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst()
  return row?.seq
}

/** Sequence of the newest event that is not among the `count` newest; undefined if there are not that many. */
export async function newestBeyond(reader: Reader, count: number): Promise<number | undefined> {
  const row = await reader
    .selectFrom('events')
    .select('seq')
    .where('event_type', '!=', '')
    .orderBy('seq', 'desc')
    .offset(count)
    .limit(1)
    .executeTakeFirst()
  return row?.seq
}
