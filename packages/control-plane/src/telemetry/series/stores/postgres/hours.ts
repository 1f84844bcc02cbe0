import { sql } from 'kysely'
import type { HourRow } from '../../hours/merge.ts'
import type { SeriesDatabase, SeriesTransaction } from './progress.ts'

/** Which hour of which node. */
export interface HourKey {
  nodeId: string
  startMs: number
}

/** The bytes of those that are stored. */
export async function readHours(
  tx: SeriesTransaction,
  keys: readonly HourKey[],
): Promise<(HourRow & { node_id: string })[]> {
  const [nodeIds, startsMs] = columnsOf(keys)
  const { rows } = await sql<HourRow & { node_id: string }>`
    select node_id, start_ms, data from series_hours
    join unnest(${nodeIds}::text[], ${startsMs}::bigint[]) as wanted (node_id, start_ms) using (node_id, start_ms)`.execute(
    tx,
  )
  return rows
}

export async function putHours(
  tx: SeriesTransaction,
  hours: readonly (HourKey & { data: Uint8Array })[],
): Promise<void> {
  const [nodeIds, startsMs] = columnsOf(hours)
  const data = hours.map((hour) => hour.data)
  await sql`
    insert into series_hours
      select * from unnest(${nodeIds}::text[], ${startsMs}::bigint[], ${data}::bytea[])
    on conflict (node_id, start_ms) do update set data = excluded.data`.execute(tx)
}

/** By how many bytes each node has more, or less. */
export async function addHoldings(
  tx: SeriesTransaction,
  growth: ReadonlyMap<string, number>,
): Promise<void> {
  const [nodeIds, bytes] = [[...growth.keys()], [...growth.values()]]
  await sql`
    insert into series_holdings as held
      select * from unnest(${nodeIds}::text[], ${bytes}::bigint[])
    on conflict (node_id) do update set bytes = held.bytes + excluded.bytes`.execute(tx)
}

/** Of all nodes together, and who has most; undefined if nobody has any. */
export async function readHoldings(
  tx: SeriesTransaction,
): Promise<{ total: number; largest: string } | undefined> {
  const { rows } = await sql<{ total: number; largest: string }>`
    select node_id as largest, (select sum(bytes)::bigint from series_holdings) as total
    from series_holdings order by bytes desc limit 1`.execute(tx)
  return rows[0]
}

export async function forgetHoldings(tx: SeriesTransaction): Promise<void> {
  await sql`delete from series_holdings where bytes <= 0`.execute(tx)
}

/** The oldest first: those before a time, or of a node. Returns what went. */
export async function removeHours(
  tx: SeriesTransaction,
  which: { beforeMs: number } | { nodeId: string },
  limit: number,
): Promise<{ node_id: string; bytes: number }[]> {
  const where =
    'nodeId' in which ? sql`node_id = ${which.nodeId}` : sql`start_ms < ${which.beforeMs}`
  const { rows } = await sql<{ node_id: string; bytes: number }>`
    delete from series_hours where (node_id, start_ms) in
      (select node_id, start_ms from series_hours where ${where} order by start_ms limit ${limit})
    returning node_id, octet_length(data) as bytes`.execute(tx)
  return rows
}

/** In one statement, so that all of it is of one moment. Hours that there are none of leave a row without. */
export async function readRange(
  db: SeriesDatabase,
  { nodeId, fromMs, toMs }: { nodeId: string; fromMs: number; toMs: number },
): Promise<{ rows: HourRow[]; lastId: number }> {
  const { rows } = await sql<{ last_id: number; start_ms: number | null; data: Uint8Array | null }>`
    select start_ms, data, greatest(
      (select last_id from series_progress),
      (select last_id from series_marks where node_id = ${nodeId}), 0) as last_id
    from (select 1) as one
    left join series_hours on node_id = ${nodeId} and start_ms between ${fromMs} and ${Math.floor(toMs)}
    order by start_ms`.execute(db)
  return {
    lastId: rows[0]?.last_id ?? 0,
    rows: rows.flatMap(({ start_ms, data }) =>
      start_ms === null || data === null ? [] : [{ start_ms, data }],
    ),
  }
}

function columnsOf(keys: readonly HourKey[]): [nodeIds: string[], startsMs: number[]] {
  return [keys.map(({ nodeId }) => nodeId), keys.map(({ startMs }) => startMs)]
}
