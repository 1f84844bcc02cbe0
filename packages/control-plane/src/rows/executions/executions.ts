import { type ExecutionStatus, hasEnded, type TriggeredBy } from '@plexd/protocol'
import { sql } from 'kysely'
import type { Reader, Tx } from '../../store/db.ts'
import type { Row } from '../../store/schema.ts'
import { type FirstOf, type PageBounds, readPage } from '../page.ts'

export interface StoredExecution
  extends Omit<Row<'executions'>, 'parameters' | 'status' | 'triggered_by' | 'late'> {
  parameters: Record<string, string>
  status: ExecutionStatus
  triggered_by: TriggeredBy
  late: boolean
}

/** What becomes of an execution. */
export type ExecutionChange = Partial<Omit<StoredExecution, 'parameters' | 'triggered_by'>>

export function storedOf(row: Row<'executions'>): StoredExecution {
  return {
    ...row,
    // All three are written below, and were validated on input.
    parameters: JSON.parse(row.parameters) as Record<string, string>,
    status: row.status as ExecutionStatus,
    triggered_by: JSON.parse(row.triggered_by) as TriggeredBy,
    late: row.late === 1,
  }
}

export async function insertExecution(tx: Tx, execution: StoredExecution): Promise<void> {
  const parameters = JSON.stringify(execution.parameters)
  const triggered_by = JSON.stringify(execution.triggered_by)
  await tx
    .insertInto('executions')
    .values({ ...execution, parameters, triggered_by, late: execution.late ? 1 : 0 })
    .execute()
}

/** An execution of a node, or of any node of a tenant. */
export async function readExecution(
  reader: Reader,
  id: string,
  of: { node_id: string } | { tenant_id: string },
): Promise<StoredExecution | undefined> {
  const row = await reader
    .selectFrom('executions')
    .selectAll()
    .where('id', '=', id)
    .where(({ and }) => and(of))
    .executeTakeFirst()
  return row && storedOf(row)
}

/** Those of a tenant, by their ids; what is not there is missing. */
export async function readExecutionsOf(
  reader: Reader,
  ids: readonly string[],
  of: { tenant_id: string },
): Promise<Map<string, StoredExecution>> {
  const rows = await reader
    .selectFrom('executions')
    .selectAll()
    .where('id', 'in', ids)
    .where('tenant_id', '=', of.tenant_id)
    .execute()
  return new Map(rows.map((row) => [row.id, storedOf(row)]))
}

/** A node's executions before a time, newest first; `id` breaks ties. */
export function readExecutionsBefore(
  reader: Reader,
  {
    nodeId,
    status,
    createdAt,
    id,
  }: { nodeId: string; status: ExecutionStatus | undefined; createdAt: number; id: string },
  bounds: PageBounds,
): Promise<FirstOf<StoredExecution>> {
  const executions = reader
    .selectFrom('executions')
    .selectAll()
    .where('node_id', '=', nodeId)
    .$if(status !== undefined, (query) => query.where('status', '=', status ?? ''))
    .$if(status !== undefined, (query) => query.where(stageOf(status ?? 'queued')))
    .where(({ eb, refTuple, tuple }) => eb(refTuple('created_at', 'id'), '<', tuple(createdAt, id)))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
  return readPage(executions, bytes, bounds, storedOf)
}

// Written out, because SQLite chooses a partial index by the text of a condition and not by what is bound.
export const isQueued = sql<boolean>`status = 'queued'`
/** Sent, and not ended. */
export const isOutstanding = sql<boolean>`status in ('pending', 'accepted')`
const isEnded = sql<boolean>`finished_at is not null`

/** What a status implies: the condition of the index that contains those with it, and few others. */
function stageOf(status: ExecutionStatus): typeof isQueued {
  if (hasEnded(status)) return isEnded
  return status === 'queued' ? isQueued : isOutstanding
}

const bytes = sql<number>`octet_length(stdout) + octet_length(stderr) + octet_length(parameters)`

export async function changeExecution(
  tx: Tx,
  id: string,
  { late, ...change }: ExecutionChange,
): Promise<void> {
  await tx
    .updateTable('executions')
    .set({ ...change, ...(late === undefined ? {} : { late: late ? 1 : 0 }) })
    .where('id', '=', id)
    .execute()
}

/** Whether the node may still be sent this request: one that had no room was sent an earlier one, which it may not get too. */
export async function isWaiting(
  reader: Reader,
  { id, seq, nowMs }: { id: string; seq: number; nowMs: number },
): Promise<boolean> {
  const row = await reader
    .selectFrom('executions')
    .select('id')
    .where('id', '=', id)
    .where('status', '=', 'pending')
    .where('event_seq', '=', seq)
    .where('deadline_at', '>', nowMs)
    .executeTakeFirst()
  return row !== undefined
}

/** Deletes up to `limit` executions that were requested and ended before a time; resolves to the number. */
export async function deleteEnded(tx: Tx, beforeMs: number, limit: number): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom('executions')
    .where('id', 'in', (query) =>
      query
        .selectFrom('executions')
        .select('id')
        .where('finished_at', '<', beforeMs)
        .where('created_at', '<', beforeMs)
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
