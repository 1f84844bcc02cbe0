/** Which executions wait for a place on their node, and which have one. */
import type { ExecutionStatus } from '@plexd/protocol'
import { sql } from 'kysely'
import type { Reader, Tx } from '../../store/db.ts'
import { isOutstanding, isQueued, type StoredExecution, storedOf } from './executions.ts'

// Written out, because SQLite chooses a partial index by the text of a condition and not by what is bound.
const isOpen = sql<boolean>`status in ('queued', 'pending', 'accepted')`

export async function countOutstanding(reader: Reader, nodeId: string): Promise<number> {
  const row = await reader
    .selectFrom('executions')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('node_id', '=', nodeId)
    .where(isOutstanding)
    .executeTakeFirst()
  return Number(row?.count ?? 0)
}

/** How many wait for a node, or for any node of a tenant. */
export async function countQueued(
  reader: Reader,
  of: { node_id: string } | { tenant_id: string },
): Promise<number> {
  const row = await reader
    .selectFrom('executions')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where(({ and }) => and(of))
    .where(isQueued)
    .executeTakeFirst()
  return Number(row?.count ?? 0)
}

/** How many of its node wait before one that waits. */
export async function countAhead(
  reader: Reader,
  { node_id, created_at, id }: Pick<StoredExecution, 'node_id' | 'created_at' | 'id'>,
): Promise<number> {
  const row = await reader
    .selectFrom('executions')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('node_id', '=', node_id)
    .where(isQueued)
    .where(({ eb, refTuple, tuple }) =>
      eb(refTuple('created_at', 'id'), '<', tuple(created_at, id)),
    )
    .executeTakeFirst()
  return Number(row?.count ?? 0)
}

/** The first of those that wait for a node and are not overdue. */
export async function readQueued(
  reader: Reader,
  { nodeId, nowMs, limit }: { nodeId: string; nowMs: number; limit: number },
): Promise<StoredExecution[]> {
  const rows = await reader
    .selectFrom('executions')
    .selectAll()
    .where('node_id', '=', nodeId)
    .where(isQueued)
    .where('deadline_at', '>', nowMs)
    .orderBy('created_at')
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(storedOf)
}

/** Nodes for which executions wait. */
export async function readNodesWithQueue(reader: Reader): Promise<string[]> {
  const rows = await reader
    .selectFrom('executions')
    .select('node_id')
    .distinct()
    .where(isQueued)
    .execute()
  return rows.map(({ node_id }) => node_id)
}

/** Some of the nodes that had no room, and may have some now. */
export async function readNodesHeldUntil(reader: Reader, nowMs: number): Promise<string[]> {
  const rows = await reader
    .selectFrom('executions')
    .select('node_id')
    .where('held_until', '<=', nowMs)
    .limit(500)
    .execute()
  return [...new Set(rows.map(({ node_id }) => node_id))]
}

/** Some of the executions whose deadline has passed. */
export async function readOverdue(
  reader: Reader,
  { nowMs, limit }: { nowMs: number; limit: number },
): Promise<StoredExecution[]> {
  const rows = await reader
    .selectFrom('executions')
    .selectAll()
    .where(isOpen)
    .where('deadline_at', '<=', nowMs)
    .limit(limit)
    .execute()
  return rows.map(storedOf)
}

/** Ends all that a removed node has not ended. Resolves to them as they are then. */
export async function endAllOf(tx: Tx, nodeId: string, nowMs: number): Promise<StoredExecution[]> {
  const end = (status: ExecutionStatus, where: typeof isOpen) =>
    tx
      .updateTable('executions')
      .set({ status, reason: 'the node was removed', finished_at: nowMs, held_until: null })
      .where('node_id', '=', nodeId)
      .where(where)
      .returningAll()
      .execute()
  const lost = await end('lost', sql<boolean>`status = 'accepted' and ${isOutstanding}`)
  return [...lost, ...(await end('cancelled', isOpen))].map(storedOf)
}
