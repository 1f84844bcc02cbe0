import { hasRunEnded, type RunState, type TriggeredBy } from '@plexd/protocol'
import { sql } from 'kysely'
import type { Reader, Tx } from '../../store/db.ts'
import type { Row } from '../../store/schema.ts'
import { type FirstOf, type PageBounds, readPage } from '../page.ts'

/** What a node has to show, beyond a successful execution, to count as succeeded. */
export type Criterion =
  | { type: 'healthy'; withinMs: number }
  | { type: 'version'; version: string; withinMs: number }

/** Why no further node of a run begins. */
export type RunStop = 'cancelled' | 'failures' | 'canary' | 'expired'

export interface StoredRun
  extends Omit<Row<'runs'>, 'parameters' | 'criterion' | 'state' | 'stop' | 'triggered_by'> {
  parameters: Record<string, string>
  /** What a node has to show after its execution; null if its result is enough. */
  criterion: Criterion | null
  state: RunState | 'preparing'
  stop: RunStop | null
  triggered_by: TriggeredBy
}

/** What becomes of a run. */
export type RunChange = Partial<
  Pick<
    StoredRun,
    | 'state'
    | 'stop'
    | 'waiting'
    | 'running'
    | 'succeeded'
    | 'failed'
    | 'cancelled'
    | 'skipped'
    | 'ended_at'
  >
>

function storedOf(row: Row<'runs'>): StoredRun {
  return {
    ...row,
    // All five are written below, and were validated on input.
    parameters: JSON.parse(row.parameters) as Record<string, string>,
    criterion: row.criterion === null ? null : (JSON.parse(row.criterion) as Criterion),
    state: row.state as StoredRun['state'],
    stop: row.stop as RunStop | null,
    triggered_by: JSON.parse(row.triggered_by) as TriggeredBy,
  }
}

export async function insertRun(tx: Tx, run: StoredRun): Promise<void> {
  const parameters = JSON.stringify(run.parameters)
  const criterion = run.criterion && JSON.stringify(run.criterion)
  const triggered_by = JSON.stringify(run.triggered_by)
  await tx
    .insertInto('runs')
    .values({ ...run, parameters, criterion, triggered_by })
    .execute()
}

export async function changeRun(tx: Tx, id: string, change: RunChange): Promise<void> {
  await tx.updateTable('runs').set(change).where('id', '=', id).execute()
}

/** A run, of a tenant if one is given; none that is being prepared. */
export async function readRun(
  reader: Reader,
  id: string,
  tenantId?: string,
): Promise<StoredRun | undefined> {
  const row = await shown(reader)
    .selectAll()
    .where('id', '=', id)
    .$if(tenantId !== undefined, (query) => query.where('tenant_id', '=', tenantId ?? ''))
    .executeTakeFirst()
  return row && storedOf(row)
}

// Written out, because SQLite chooses a partial index by the text of a condition and not by what is bound.
const isOpen = sql<boolean>`state in ('preparing', 'running', 'paused')`
const hasEnded = sql<boolean>`ended_at is not null`

function shown(reader: Reader) {
  return reader.selectFrom('runs').where('state', '<>', 'preparing')
}

/** A tenant's runs before a time, newest first; `id` breaks ties. */
export function readRunsBefore(
  reader: Reader,
  {
    tenantId,
    createdAt,
    id,
    state,
  }: { tenantId: string; createdAt: number; id: string; state: RunState | undefined },
  bounds: PageBounds,
): Promise<FirstOf<StoredRun>> {
  const runs = shown(reader)
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where(({ eb, refTuple, tuple }) => eb(refTuple('created_at', 'id'), '<', tuple(createdAt, id)))
    .$if(state !== undefined, (query) => query.where('state', '=', state ?? ''))
    // What the state implies: the condition of the index that contains those in it.
    .$if(state !== undefined, (query) =>
      query.where(hasRunEnded({ state: state ?? 'running' }) ? hasEnded : isOpen),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
  return readPage(runs, sql<number>`octet_length(parameters)`, bounds, storedOf)
}

/** All that have not ended, of every tenant. */
export async function readOpenRuns(reader: Reader): Promise<StoredRun[]> {
  const rows = await shown(reader).selectAll().where(isOpen).execute()
  return rows.map(storedOf)
}

/** How many of a tenant have not ended, those included that are being prepared. */
export async function countOpenRuns(reader: Reader, tenantId: string): Promise<number> {
  const { count } = await reader
    .selectFrom('runs')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('tenant_id', '=', tenantId)
    .where(isOpen)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** The id of a run that a schedule has started and that has not ended. */
export async function readOpenRunOf(
  reader: Reader,
  { id, tenant_id }: { id: string; tenant_id: string },
): Promise<string | undefined> {
  const row = await shown(reader)
    .select('id')
    .where('tenant_id', '=', tenant_id)
    .where(isOpen)
    .where('schedule_id', '=', id)
    .executeTakeFirst()
  return row?.id
}

/** Deletes those that a crash, or an error, has left half written, with their nodes: all, one, or those of before a time. */
export async function deleteHalfWritten(
  tx: Tx,
  { id, createdBefore }: { id?: string; createdBefore?: number } = {},
): Promise<void> {
  await deleteRuns(tx, (query) =>
    query
      .where(isOpen)
      .where('state', '=', 'preparing')
      .$if(id !== undefined, (some) => some.where('id', '=', id ?? ''))
      .$if(createdBefore !== undefined, (some) =>
        some.where('created_at', '<', createdBefore ?? 0),
      ),
  )
}

/** Deletes up to `limit` runs that ended before a time, with their nodes; resolves to their number. */
export function deleteEndedRuns(tx: Tx, beforeMs: number, limit: number): Promise<number> {
  return deleteRuns(tx, (query) => query.where('ended_at', '<', beforeMs).limit(limit))
}

type RunQuery = ReturnType<typeof selectIds>
const selectIds = (tx: Tx) => tx.selectFrom('runs').select('id')

async function deleteRuns(tx: Tx, of: (query: RunQuery) => RunQuery): Promise<number> {
  const ids = (await of(selectIds(tx)).execute()).map(({ id }) => id)
  if (ids.length === 0) return 0
  await tx.deleteFrom('run_nodes').where('run_id', 'in', ids).execute()
  await tx.deleteFrom('runs').where('id', 'in', ids).execute()
  return ids.length
}
