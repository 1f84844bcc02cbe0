import { setImmediate as turn } from 'node:timers/promises'
import { type Clock, describeError, type Log } from '@plexd/runtime'
import type { ArrivedBatch, StoredRecord, TelemetryStore } from '../store.ts'
import { bucketOf } from './bucket.ts'
import { addBucket, addHour, type Hour } from './hour.ts'
import { placeOf, samplesOf } from './samples.ts'
import type { Head, SeriesFile } from './series-file.ts'

/** What all metrics were, in stretches of five minutes. */
export interface Series extends AsyncDisposable {
  /** Of a node, by the beginnings of the hours that the range touches, oldest first. */
  read(nodeId: string, range: { sinceMs: number; untilMs: number }): Promise<Map<number, Hour>>
  prune: SeriesFile['prune']
  /** Writes what has come. Until then it is in memory, and after a crash it is read from the store again. */
  flush(): Promise<void>
}

export interface SeriesOptions {
  file: SeriesFile
  telemetry: Pick<TelemetryStore, 'onAppend' | 'readAfter' | 'cursorNow'>
  clock: Clock
  log: Pick<Log, 'info' | 'warn'>
  /** Of a node in an hour. */
  maxSeries: number
}

const flushMs = 5 * 60_000
/** Some 20 MB: what nodes send that had to wait for a day is written as it comes. */
const maxHeadPoints = 200_000
/** Nodes written in one transaction: the event loop waits for it. */
const flushNodes = 20
const pageRecords = 2_000

/** Follows what is stored, from where it was before, until disposed of; then what has come is on disk. */
export function startSeries({ file, telemetry, clock, log, maxSeries }: SeriesOptions): Series {
  const heads = new Map<string, Head>()
  const start = startOf(file, telemetry)
  const { marks } = start
  let { lastId } = start
  let points = 0
  let leftOut = 0
  let hasFailed = false
  let flushing: Promise<void> | undefined
  /** What comes while the store is read; undefined once all of it is. */
  let early: ArrivedBatch[] | undefined = []
  const stop = new AbortController()

  function take({ id, node_id, record, received_at }: StoredRecord): void {
    lastId = Math.max(lastId, id)
    if (id <= (marks.get(node_id) ?? 0)) return
    const head = headOf(node_id)
    head.lastId = id
    for (const { key, value, atMs } of samplesOf(record, received_at)) {
      const { startMs, slot } = placeOf(atMs)
      const hour = head.hours.getOrInsertComputed(startMs, () => new Map())
      if (!addBucket(hour, key, { slot, bucket: bucketOf(value, atMs), maxSeries })) leftOut++
      head.points++
      points++
    }
    if (points > maxHeadPoints && !hasFailed) void flush()
  }

  function headOf(nodeId: string): Head {
    return heads.getOrInsertComputed(nodeId, () => ({ lastId: 0, points: 0, hours: new Map() }))
  }

  function takeBatch({ source: { node_id }, firstId, received_at, records }: ArrivedBatch): void {
    for (const [index, record] of records.entries()) {
      const id = firstId + index
      if (id > lastId) take({ id, node_id, received_at, record })
    }
  }

  const stopFollowing = telemetry.onAppend((batch) => {
    if (batch.kind !== 'metrics') return
    if (early) early.push(batch)
    else takeBatch(batch)
  })

  async function catchUp(): Promise<void> {
    for (let isBehind = true; isBehind; ) {
      stop.signal.throwIfAborted()
      early = []
      const page = await telemetry.readAfter({
        kind: 'metrics',
        after: String(lastId),
        limit: pageRecords,
      })
      page.records.forEach(take)
      isBehind = page.records.length === pageRecords
      if (isBehind) await turn()
    }
    const rest = early ?? []
    early = undefined
    rest.forEach(takeBatch)
    // From now on each record comes once.
    marks.clear()
  }

  function flush(): Promise<void> {
    flushing ??= flushAll()
      .catch((error: unknown) => {
        hasFailed = true
        log.warn('series of metrics are not written yet', { error: describeError(error) })
      })
      .finally(() => {
        flushing = undefined
      })
    return flushing
  }

  async function flushAll(): Promise<void> {
    const upTo = lastId
    const ids = [...heads.keys()]
    for (let at = 0; at < ids.length; at += flushNodes) {
      await flushSome(ids.slice(at, at + flushNodes))
      await turn()
    }
    await file.finish(String(upTo))
    hasFailed = false
    if (leftOut > 0) log.info('series of metrics left out: limit node_series', { points: leftOut })
    leftOut = 0
  }

  /** What is written is no longer in memory in the same moment, so that whoever reads both sees it once. */
  async function flushSome(ids: readonly string[]): Promise<void> {
    const taken = new Map<string, Head>()
    try {
      leftOut += await file.add(() => {
        for (const id of ids) {
          const head = heads.get(id)
          if (head) taken.set(id, head)
          heads.delete(id)
        }
        return taken
      })
    } catch (error) {
      for (const [id, head] of taken) putBack(id, head)
      throw error
    }
    for (const head of taken.values()) points -= head.points
  }

  function putBack(nodeId: string, { lastId, points, hours }: Head): void {
    const head = headOf(nodeId)
    head.lastId = Math.max(head.lastId, lastId)
    head.points += points
    for (const [startMs, hour] of hours)
      addHour(
        head.hours.getOrInsertComputed(startMs, () => new Map()),
        hour,
        maxSeries,
      )
  }

  async function run(): Promise<void> {
    if (start.isOther) await file.forgetMarks()
    await catchUp()
    for (;;) {
      await clock.sleep(flushMs, stop.signal)
      await flush()
    }
  }

  const running = run().catch((error: unknown) => {
    if (!stop.signal.aborted)
      log.warn('series of metrics are not kept until the next start', {
        error: describeError(error),
      })
  })
  return {
    read: (nodeId, { sinceMs, untilMs }) =>
      file.read(nodeId, { fromMs: placeOf(sinceMs).startMs, toMs: untilMs }, () =>
        heads.get(nodeId),
      ),
    prune: file.prune,
    flush,
    async [Symbol.asyncDispose]() {
      stopFollowing()
      stop.abort()
      await running
      await flush()
    },
  }
}

/** Where it was before; the beginning, if the store is another one than it followed. */
function startOf(
  file: SeriesFile,
  telemetry: SeriesOptions['telemetry'],
): { isOther: boolean; marks: Map<string, number>; lastId: number } {
  const lastId = Number(file.cursor())
  const isOther = lastId > Number(telemetry.cursorNow('metrics'))
  return isOther
    ? { isOther, marks: new Map(), lastId: 0 }
    : { isOther, marks: file.marks(), lastId }
}
