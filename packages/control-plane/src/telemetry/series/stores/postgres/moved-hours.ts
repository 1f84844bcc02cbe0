import { type QueryExecutorProvider, sql } from 'kysely'
import { openBeside } from '../../../../store/postgres/beside.ts'
import type { PostgresPlace } from '../../../../store/postgres/place.ts'
import { type HourRow, rowBytes } from '../../hours/merge.ts'
import { addHoldings, putHours } from './hours.ts'
import {
  inSeriesTransaction,
  putMarks,
  putProgress,
  readProgress,
  type SeriesDatabase,
} from './progress.ts'
import { seriesTables } from './tables.ts'

/** An hour of a node as it is stored, wherever that is. */
export interface StoredHour extends HourRow {
  node_id: string
}

export const hourColumns = [
  'node_id',
  'start_ms',
  'data',
] as const satisfies readonly (keyof StoredHour)[]

/** Takes series as they were stored elsewhere, while nobody serves from the database. */
export interface MovedHours extends AsyncDisposable {
  /** Removes all that there are. Waits for what another process has begun that was killed. */
  clear(): Promise<void>
  /** In one transaction. */
  put(hours: readonly StoredHour[]): Promise<void>
  /** All of them by node and time, some at once. */
  hours(): AsyncGenerator<readonly StoredHour[]>
  /** How far telemetry is in them. */
  settle(progress: { lastId: number; marks: ReadonlyMap<string, number> }): Promise<void>
}

/** Read at once: each has some KB. */
const pageHours = 500

export async function openMovedHours(place: PostgresPlace): Promise<MovedHours> {
  const db = await openBeside<unknown>(place, { schema: seriesTables, max: 1 })
  return {
    clear: () =>
      inSeriesTransaction(db, async (tx) => {
        await sql`truncate series_hours, series_holdings, series_progress, series_marks`.execute(tx)
      }),
    put: (hours) =>
      inSeriesTransaction(db, async (tx) => {
        await putHours(
          tx,
          hours.map(({ node_id, start_ms, data }) => ({
            nodeId: node_id,
            startMs: start_ms,
            data,
          })),
        )
        await addHoldings(tx, heldBy(hours))
      }),
    hours: () => readAll(db),
    settle: ({ lastId, marks }) =>
      inSeriesTransaction(db, async (tx) => {
        await readProgress(tx)
        await putProgress(tx, lastId)
        await putMarks(tx, marks)
      }),
    [Symbol.asyncDispose]: () => db.destroy(),
  }
}

export async function hasHours(db: QueryExecutorProvider): Promise<boolean> {
  const { rows } = await sql<{ it: string | null }>`
    select to_regclass('series_hours')::text as it`.execute(db)
  if (rows[0]?.it === null) return false
  return (await sql`select 1 from series_hours limit 1`.execute(db)).rows.length > 0
}

function heldBy(hours: readonly StoredHour[]): Map<string, number> {
  const held = new Map<string, number>()
  for (const { node_id, data } of hours)
    held.set(node_id, (held.get(node_id) ?? 0) + data.length + rowBytes)
  return held
}

async function* readAll(db: SeriesDatabase): AsyncGenerator<readonly StoredHour[]> {
  let last: Pick<StoredHour, 'node_id' | 'start_ms'> = { node_id: '', start_ms: 0 }
  for (;;) {
    const { rows } = await sql<StoredHour>`
      select node_id, start_ms, data from series_hours where (node_id, start_ms) > (${last.node_id}, ${last.start_ms})
      order by node_id, start_ms limit ${sql.lit(pageHours)}`.execute(db)
    const end = rows.at(-1)
    if (!end) return
    yield rows
    last = end
  }
}
