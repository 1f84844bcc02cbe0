import type { Log } from '@plexd/runtime'
import { openSideDatabase, type SideDatabase } from '../../../store/side/side-database.ts'
import type { OnStep } from '../../../store/start-step.ts'
import type { Hour } from '../hours/hour.ts'
import { createHourMerge, type HourRow, rowBytes } from '../hours/merge.ts'
import { inspectSeries, mendSeries, seriesSchema } from './file-tables.ts'
import type { SeriesStore, SeriesStoreOptions, SeriesWriter } from './store.ts'
import { sweep } from './sweep.ts'

/** Rows deleted at once. */
const pruneRows = 500

export interface SeriesFileOptions extends SeriesStoreOptions {
  log?: Pick<Log, 'warn'> | undefined
  onStep?: OnStep | undefined
  /** Since when the records are stored of which series are made. */
  rebuiltFromMs?: number | undefined
}

/** The file with its tables, mended if it was damaged. */
export function openSeriesDatabase(
  path: string,
  {
    rebuiltFromMs = 0,
    ...options
  }: Pick<SeriesFileOptions, 'lockWaitMs' | 'log' | 'onStep' | 'rebuiltFromMs'>,
): SideDatabase {
  return openSideDatabase(path, {
    ...options,
    schema: seriesSchema,
    inspect: inspectSeries,
    mend: (database) => mendSeries(database, rebuiltFromMs),
  })
}

/** In a file of SQLite, which follows the telemetry of its own data folder. */
export function openSeriesFile(
  path: string,
  { room, onLeftOut, lockWaitMs, log, onStep, rebuiltFromMs }: SeriesFileOptions,
): SeriesStore {
  const side = openSeriesDatabase(path, { lockWaitMs, log, onStep, rebuiltFromMs })
  const { database, patience, inTransaction } = side
  const hours = createHourMerge({ room, onLeftOut, noteDamage: side.noteDamage })
  const selectHour = database.prepare('select data from hours where node_id = ? and start_ms = ?')
  const putHour = database.prepare('insert or replace into hours values (?, ?, ?)')
  const selectMark = database.prepare('select last_id from marks where node_id = ?')
  const putMark = database.prepare('insert or replace into marks values (?, ?)')
  const forgetMarks = database.prepare('delete from marks where last_id <= ?')
  const forgetHoldings = database.prepare('delete from holdings where bytes <= 0')
  const selectCursor = database.prepare('select cursor from cursors')
  const putCursor = database.prepare('insert or replace into cursors values (1, ?)')
  const selectRange = database.prepare(
    'select start_ms, data from hours where node_id = ? and start_ms between ? and ? order by start_ms',
  )
  const hold = database.prepare(
    'insert into holdings values (?1, ?2) on conflict do update set bytes = bytes + ?2',
  )
  const largest = database.prepare('select node_id from holdings order by bytes desc limit 1')
  const total = database.prepare('select coalesce(sum(bytes), 0) as bytes from holdings')
  const removeOf = (where: string) =>
    database.prepare(
      `delete from hours where (node_id, start_ms) in
         (select node_id, start_ms from hours where ${where} order by start_ms limit ${pruneRows})
       returning node_id, length(data) as bytes`,
    )
  const removeOld = removeOf('start_ms < ?')
  const removeOldestOf = removeOf('node_id = ?')

  function addOne(nodeId: string, startMs: number, news: Hour): void {
    const before = selectHour.get(nodeId, startMs)?.data as Uint8Array | undefined
    const { data, growth } = hours.merge({ nodeId, startMs }, news, before)
    putHour.run(nodeId, startMs, data)
    hold.run(nodeId, growth)
  }

  function removed(rows: readonly object[]): number {
    for (const { node_id, bytes } of rows as { node_id: string; bytes: number }[]) // as the statement returns them
      hold.run(node_id, -bytes - rowBytes)
    return rows.length
  }

  const cursor = (): number => Number(selectCursor.get()?.cursor ?? 0)

  /** Of all nodes, where what is stored is of a store of telemetry that was there before: then all of this one is new. */
  function beginAnew(): void {
    database.exec('delete from marks')
    putCursor.run('0')
  }

  function marks(): Map<string, number> {
    const rows = database.prepare('select node_id, last_id from marks').all()
    return new Map(rows.map(({ node_id, last_id }) => [String(node_id), Number(last_id)]))
  }

  const writer: Pick<SeriesWriter, 'add' | 'finish'> = {
    add: (heads) =>
      inTransaction(() => {
        for (const [nodeId, head] of heads) {
          for (const [startMs, hour] of head.hours) addOne(nodeId, startMs, hour)
          putMark.run(nodeId, head.lastId)
        }
      }),
    finish: (lastId) =>
      inTransaction(() => {
        putCursor.run(String(lastId))
        // Who reads on from the cursor does not meet these again.
        forgetMarks.run(lastId)
      }),
  }

  return {
    begin: (newestId) =>
      inTransaction(() => {
        if (cursor() > newestId) beginAnew()
        return { ...writer, lastId: cursor(), marks: marks() }
      }),
    read: (nodeId, { fromMs, toMs }) =>
      patience(() => {
        const rows = selectRange.all(nodeId, fromMs, toMs) as unknown as HourRow[] // the columns of the select
        const mark = Number(selectMark.get(nodeId)?.last_id ?? 0)
        return { hours: hours.read(nodeId, rows), lastId: Math.max(mark, cursor()) }
      }),
    async prune({ beforeMs, maxBytes }) {
      const old = await sweep(() => inTransaction(() => removed(removeOld.all(beforeMs))))
      const excess = await sweep(() =>
        inTransaction(() => {
          if (Number(total.get()?.bytes) <= maxBytes) return 0
          return removed(removeOldestOf.all(String(largest.get()?.node_id)))
        }),
      )
      await inTransaction(() => void forgetHoldings.run())
      return old + excess
    },
    [Symbol.asyncDispose]: () => side[Symbol.asyncDispose](),
  }
}
