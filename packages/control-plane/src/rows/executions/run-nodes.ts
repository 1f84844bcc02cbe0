import type { RunNodeStatus } from '@plexd/protocol'
import { sql } from 'kysely'
import type { Reader, Tx } from '../../store/db.ts'
import type { Row } from '../../store/schema.ts'
import { type FirstOf, type PageBounds, readPage } from '../page.ts'

export interface StoredRunNode extends Omit<Row<'run_nodes'>, 'status'> {
  /** Those that the run did not come to are `waiting`. */
  status: Exclude<RunNodeStatus, 'not_started'>
}

/** A node of a run that is not there yet. */
export type NewRunNode = Pick<StoredRunNode, 'position' | 'node_id' | 'reason'> & {
  status: 'waiting' | 'skipped'
}

function storedOf(row: Row<'run_nodes'>): StoredRunNode {
  return { ...row, status: row.status as StoredRunNode['status'] } // written below
}

export async function insertRunNodes(
  tx: Tx,
  runId: string,
  nodes: readonly NewRunNode[],
): Promise<void> {
  const nothing = { execution_id: null, exit_code: null, ended_at: null }
  const never = { started_at: null, executed_at: null }
  await tx
    .insertInto('run_nodes')
    .values(nodes.map((node) => ({ run_id: runId, ...node, ...nothing, ...never })))
    .execute()
}

export async function changeRunNode(
  tx: Tx,
  { run_id, position }: Pick<StoredRunNode, 'run_id' | 'position'>,
  change: Partial<Omit<StoredRunNode, 'run_id' | 'position' | 'node_id'>>,
): Promise<void> {
  await tx
    .updateTable('run_nodes')
    .set(change)
    .where('run_id', '=', run_id)
    .where('position', '=', position)
    .execute()
}

export async function readRunNode(
  reader: Reader,
  { run_id, position }: Pick<StoredRunNode, 'run_id' | 'position'>,
): Promise<StoredRunNode | undefined> {
  const row = await reader
    .selectFrom('run_nodes')
    .selectAll()
    .where('run_id', '=', run_id)
    .where('position', '=', position)
    .executeTakeFirst()
  return row && storedOf(row)
}

/** The first nodes in a status, in the order of their turns. */
export async function readFirstNodes(
  reader: Reader,
  runId: string,
  status: StoredRunNode['status'],
  limit: number,
): Promise<StoredRunNode[]> {
  const rows = await reader
    .selectFrom('run_nodes')
    .selectAll()
    .where('run_id', '=', runId)
    .where('status', '=', status)
    .orderBy('position')
    .limit(limit)
    .execute()
  return rows.map(storedOf)
}

/** The node of a run that this execution is of; undefined when it is of no run, or was counted before. */
export async function readNodeOf(
  reader: Reader,
  executionId: string,
): Promise<StoredRunNode | undefined> {
  const row = await reader
    .selectFrom('run_nodes')
    .selectAll()
    .where('execution_id', '=', executionId)
    .where('status', 'in', outstanding)
    .executeTakeFirst()
  return row && storedOf(row)
}

/** The ids of the runs that these executions are of, by the ids of the executions; those of no run are missing. */
export async function readRunsOf(
  reader: Reader,
  executionIds: readonly string[],
): Promise<Map<string, string>> {
  const rows = await reader
    .selectFrom('run_nodes')
    .select(['execution_id', 'run_id'])
    .where('execution_id', 'in', executionIds)
    .execute()
  return new Map(rows.map(({ execution_id, run_id }) => [execution_id ?? '', run_id]))
}

const outstanding = ['running', 'cancelling'] as const satisfies StoredRunNode['status'][]

/** A run's nodes behind a position. */
export function readRunNodesAfter(
  reader: Reader,
  {
    runId,
    position,
    status,
  }: { runId: string; position: number; status: StoredRunNode['status'] | undefined },
  bounds: PageBounds,
): Promise<FirstOf<StoredRunNode>> {
  const nodes = reader
    .selectFrom('run_nodes')
    .selectAll()
    .where('run_id', '=', runId)
    .where('position', '>', position)
    .$if(status !== undefined, (query) => query.where('status', '=', status ?? ''))
    .orderBy('position')
  return readPage(nodes, sql<number>`octet_length(reason)`, bounds, storedOf)
}

/** The ids of the nodes in these statuses, in the order of their turns. */
export async function readNodeIdsIn(
  reader: Reader,
  runId: string,
  statuses: readonly StoredRunNode['status'][],
): Promise<string[]> {
  const rows = await reader
    .selectFrom('run_nodes')
    .select('node_id')
    .where('run_id', '=', runId)
    .where('status', 'in', statuses)
    .orderBy('position')
    .execute()
  return rows.map(({ node_id }) => node_id)
}
