import { type EventType, newId } from '@plexd/protocol'
import type { Reader, Tx } from '../store/db.ts'
import { type Audience, decodeAudience, encodeAudience, includes } from './audience.ts'

/**
 * An event as the log keeps it: unsigned, once for all its recipients. What differs by recipient or is secret is
 * not in `payload`; it is filled in when the event is sent (payload-for.ts).
 */
export interface LoggedEvent {
  readonly seq: number
  readonly event_id: string
  readonly event_type: EventType
  readonly audience: Audience
  /** JSON text. */
  readonly payload: string
  readonly created_at: number
}

export interface NewEvent {
  type: EventType
  to: Audience
  payload: unknown
}

/** Writes an event in the transaction of the change that it tells of. */
export async function appendEvent(tx: Tx, event: NewEvent, nowMs: number): Promise<LoggedEvent> {
  const row = {
    event_id: newId('event'),
    event_type: event.type,
    payload: JSON.stringify(event.payload),
    created_at: nowMs,
  }
  const { seq } = await tx
    .insertInto('events')
    .values({ ...row, audience: encodeAudience(event.to) })
    .returning('seq')
    .executeTakeFirstOrThrow()
  return { ...row, event_type: event.type, seq, audience: event.to }
}

/** The events behind `afterSeq`, oldest first, at most `limit` of the log; those for other nodes are left out. */
export async function readEventsFor(
  reader: Reader,
  { no, afterSeq, limit }: { no: number; afterSeq: number; limit: number },
): Promise<{ events: LoggedEvent[]; lastSeq: number; more: boolean }> {
  const rows = await reader
    .selectFrom('events')
    .selectAll()
    .where('seq', '>', afterSeq)
    .orderBy('seq')
    .limit(limit)
    .execute()
  const events = rows.map((row) => ({
    ...row,
    event_type: row.event_type as EventType, // only appendEvent writes it
    audience: decodeAudience(row.audience),
  }))
  return {
    events: events.filter((event) => includes(event.audience, no)),
    lastSeq: rows.at(-1)?.seq ?? afterSeq,
    more: rows.length === limit,
  }
}

/** `<epoch>-<sequence>`: the SSE id of an event, and the revision of a desired state. */
export interface EventPosition {
  epoch: string
  seq: number
}

export function formatPosition({ epoch, seq }: EventPosition): string {
  return `${epoch}-${seq}`
}

/** Undefined for any text that is no position. */
export function parsePosition(text: string): EventPosition | undefined {
  const [, epoch, seq] = /^([a-z0-9]{1,32})-(\d{1,15})$/.exec(text) ?? []
  return epoch === undefined ? undefined : { epoch, seq: Number(seq) }
}
