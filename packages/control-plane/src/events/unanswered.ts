import type { EventType } from '@plexd/protocol'
import type { NodeRecord } from '../mesh/fleet.ts'
import type { Reader } from '../store/db.ts'
import type { StoredEvent } from './event-log.ts'

/**
 * The action requests up to `throughSeq` that a node has neither accepted nor rejected and still may. It may have
 * lost them after they were sent, so they are sent again; nodes know them by their execution id.
 */
export async function readUnanswered(
  reader: Reader,
  node: NodeRecord,
  throughSeq: number,
  nowMs: number,
): Promise<StoredEvent[]> {
  const rows = await reader
    .selectFrom('executions')
    .innerJoin('events', 'events.seq', 'executions.event_seq')
    .select(['seq', 'event_id', 'event_type', 'events.payload', 'events.created_at'])
    .where('node_id', '=', node.id)
    .where('status', '=', 'pending')
    .where('deadline_at', '>', nowMs)
    .where('event_seq', '<=', throughSeq)
    .orderBy('seq')
    .execute()
  return rows.map((row) => ({ ...row, event_type: row.event_type as EventType })) // only appendEvent writes it
}
