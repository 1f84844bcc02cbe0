import { setImmediate as turn } from 'node:timers/promises'
import type { Log } from '@plexd/runtime'
import { openSideDatabase } from '../../store/side/side-database.ts'
import type { OnStep } from '../../store/start-step.ts'
import { addHour, emptyHour, encodeHour, type Hour, type HourRoom, storedHour } from './hour.ts'
import { damagedHour, inspectSeries, mendSeries, rowBytes, seriesSchema } from './series-tables.ts'

/** What has come of a node and is not on disk yet. */
export interface Head {
  /** Of the newest record in it. */
  lastId: number
  /** How many values are in it. */
  points: number
  /** By the time at which each begins. */
  hours: Map<number, Hour>
}

/** Series on disk: a row for each node and hour. */
export interface SeriesFile extends AsyncDisposable {
  /** Behind the last record of which all nodes have what it says. */
  cursor(): string
  /** The newest record on the disk, of nodes of which there is one behind the cursor. */
  marks(): Map<string, number>
  /** In one transaction, with what was there before. `take` is called in it, and may be called again. */
  add(take: () => Iterable<readonly [nodeId: string, head: Head]>): Promise<void>
  finish(cursor: string): Promise<void>
  /** For a store that begins anew. */
  forgetMarks(): Promise<void>
  /** The hours that begin in the range, both ends included, in order; with what `head` has of them at that moment. */
  read(
    nodeId: string,
    range: { fromMs: number; toMs: number },
    head: () => Head | undefined,
  ): Promise<Map<number, Hour>>
  /** Deletes hours before the time, and past the size the oldest of the node with most. Returns how many. */
  prune(limits: { beforeMs: number; maxBytes: number }): Promise<number>
}

interface HourRow {
  start_ms: number
  data: Uint8Array
}

/** Rows deleted at once. */
const pruneRows = 500

export interface SeriesFileOptions {
  room: HourRoom
  /** Values that an hour on disk had no room for. */
  onLeftOut(reason: 'hour', buckets: number): void
  lockWaitMs?: number
  log?: Pick<Log, 'warn'>
  onStep?: OnStep | undefined
  /** Since when the records are stored of which series are made. */
  rebuiltFromMs?: number
}

export function openSeriesFile(
  path: string,
  { room, onLeftOut, lockWaitMs, log, onStep, rebuiltFromMs = 0 }: SeriesFileOptions,
): SeriesFile {
  const side = openSideDatabase(path, {
    ...{ schema: seriesSchema, lockWaitMs, log, onStep },
    inspect: inspectSeries,
    mend: (database) => mendSeries(database, rebuiltFromMs),
  })
  const { database, patience, inTransaction } = side
  const selectHour = database.prepare('select data from hours where node_id = ? and start_ms = ?')
  const putHour = database.prepare('insert or replace into hours values (?, ?, ?)')
  const putMark = database.prepare('insert or replace into marks values (?, ?)')
  const forgetMarks = database.prepare('delete from marks where last_id <= ?')
  const forgetHoldings = database.prepare('delete from holdings where bytes <= 0')
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

  /** Empty if it is damaged, so that what comes is kept all the same. */
  function readHour(nodeId: string, startMs: number, data: Uint8Array): Hour {
    const hour = storedHour(data, startMs)
    if (!hour) side.noteDamage(damagedHour(nodeId, startMs))
    return hour ?? emptyHour()
  }

  function addOne(nodeId: string, startMs: number, news: Hour): void {
    const before = selectHour.get(nodeId, startMs)?.data as Uint8Array | undefined
    const hour = before ? readHour(nodeId, startMs, before) : emptyHour()
    const leftOut = addHour(hour, news, room)
    if (leftOut > 0) onLeftOut('hour', leftOut)
    const data = encodeHour(hour, startMs)
    putHour.run(nodeId, startMs, data)
    hold.run(nodeId, data.length - (before ? before.length : -rowBytes))
  }

  function removed(rows: readonly object[]): number {
    for (const { node_id, bytes } of rows as { node_id: string; bytes: number }[]) // as the statement returns them
      hold.run(node_id, -bytes - rowBytes)
    return rows.length
  }

  async function sweep(step: () => number): Promise<number> {
    let sum = 0
    for (let count = -1; count !== 0; sum += count) {
      count = await inTransaction(step)
      await turn()
    }
    return sum
  }

  return {
    cursor: () => String(database.prepare('select cursor from cursors').get()?.cursor ?? '0'),
    marks() {
      const rows = database.prepare('select node_id, last_id from marks').all()
      return new Map(rows.map(({ node_id, last_id }) => [String(node_id), Number(last_id)]))
    },
    add: (take) =>
      inTransaction(() => {
        for (const [nodeId, { lastId, hours }] of take()) {
          for (const [startMs, hour] of hours) addOne(nodeId, startMs, hour)
          putMark.run(nodeId, lastId)
        }
      }),
    finish: (cursor) =>
      inTransaction(() => {
        putCursor.run(cursor)
        // Who reads on from the cursor does not meet these again.
        forgetMarks.run(Number(cursor))
      }),
    forgetMarks: () => inTransaction(() => void database.exec('delete from marks')),
    read: (nodeId, { fromMs, toMs }, head) =>
      patience(() => {
        const rows = selectRange.all(nodeId, fromMs, toMs) as unknown as HourRow[] // the columns of the select
        const hours = new Map(
          rows.map(({ start_ms, data }) => [start_ms, readHour(nodeId, start_ms, data)]),
        )
        for (const [startMs, hour] of head()?.hours ?? [])
          if (startMs >= fromMs && startMs <= toMs)
            addHour(hours.getOrInsertComputed(startMs, emptyHour), hour, room)
        return new Map(Array.from(hours).sort(([a], [b]) => a - b))
      }),
    async prune({ beforeMs, maxBytes }) {
      const old = await sweep(() => removed(removeOld.all(beforeMs)))
      const excess = await sweep(() => {
        if (Number(total.get()?.bytes) <= maxBytes) return 0
        return removed(removeOldestOf.all(String(largest.get()?.node_id)))
      })
      await inTransaction(() => void forgetHoldings.run())
      return old + excess
    },
    [Symbol.asyncDispose]: () => side[Symbol.asyncDispose](),
  }
}
