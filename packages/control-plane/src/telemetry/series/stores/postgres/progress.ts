import { type Kysely, sql, type Transaction } from 'kysely'
import type { SeriesWriter } from '../store.ts'
import { seriesLock } from './tables.ts'

export type SeriesDatabase = Kysely<unknown>
export type SeriesTransaction = Transaction<unknown>

/** Under the lock, in READ COMMITTED: an older snapshot would survive the wait for it. */
export function inSeriesTransaction<T>(
  db: SeriesDatabase,
  work: (tx: SeriesTransaction) => Promise<T>,
): Promise<T> {
  return db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (tx) => {
      await sql`select pg_advisory_xact_lock(${sql.lit(seriesLock)})`.execute(tx)
      return work(tx)
    })
}

/** How far telemetry is in the series: in new ones, at the beginning. */
export async function readProgress(
  tx: SeriesTransaction,
): Promise<Pick<SeriesWriter, 'lastId'> & { version: string; marks: Map<string, number> }> {
  await sql`
    insert into series_progress values (1, ${crypto.randomUUID()}, 0) on conflict do nothing`.execute(
    tx,
  )
  const { rows } = await sql<{ version: string; last_id: number }>`
    select version, last_id from series_progress`.execute(tx)
  const { rows: marks } = await sql<{ node_id: string; last_id: number }>`
    select node_id, last_id from series_marks`.execute(tx)
  const [{ version, last_id: lastId } = { version: '', last_id: 0 }] = rows // there is one
  return {
    version,
    lastId,
    marks: new Map(marks.map(({ node_id, last_id }) => [node_id, last_id])),
  }
}

/** False if the version is no longer the one that is known. */
export async function exchangeVersion(
  tx: SeriesTransaction,
  { from, to }: { from: string; to: string },
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update series_progress set version = ${to} where version = ${from}`.execute(tx)
  return numAffectedRows === 1n
}

/** Who reads on from there does not meet the records of older marks again. */
export async function putProgress(tx: SeriesTransaction, lastId: number): Promise<void> {
  await sql`update series_progress set last_id = ${lastId}`.execute(tx)
  await sql`delete from series_marks where last_id <= ${lastId}`.execute(tx)
}

export async function forgetMarks(tx: SeriesTransaction): Promise<void> {
  await sql`delete from series_marks`.execute(tx)
}

export async function putMarks(
  tx: SeriesTransaction,
  marks: ReadonlyMap<string, number>,
): Promise<void> {
  const [nodeIds, lastIds] = [[...marks.keys()], [...marks.values()]]
  await sql`
    insert into series_marks
      select * from unnest(${nodeIds}::text[], ${lastIds}::bigint[])
    on conflict (node_id) do update set last_id = excluded.last_id`.execute(tx)
}
