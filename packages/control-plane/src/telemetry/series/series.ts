import { setImmediate as turn } from 'node:timers/promises'
import { type Clock, describeError, type Log } from '@plexd/runtime'
import { arrivedFactsOf } from '../packs/matcher.ts'
import type { ArrivedBatch, TelemetryStore } from '../store.ts'
import { createHeads, type Heads, type HeadsOptions } from './heads.ts'
import type { Hour } from './hour.ts'
import { placeOf } from './place.ts'
import type { Head, SeriesFile } from './series-file.ts'

/** What all metrics were, in stretches of five minutes. */
export interface Series extends AsyncDisposable {
  /** Of a node, by the beginnings of the hours that the range touches, oldest first. */
  read(nodeId: string, range: { sinceMs: number; untilMs: number }): Promise<Map<number, Hour>>
  prune: SeriesFile['prune']
  /** Writes what has come. Until then it is in memory, and after a crash it is read from the store again. */
  flush(): Promise<void>
}

export interface SeriesOptions extends Omit<HeadsOptions, 'lastId' | 'marks'> {
  file: SeriesFile
  telemetry: Pick<TelemetryStore, 'onAppend' | 'readAfter' | 'cursorNow'>
  clock: Clock
  log: Pick<Log, 'warn'>
}

const flushMs = 5 * 60_000
/** Some 20 MB: what nodes send that had to wait for a day is written as it comes. */
const maxHeadPoints = 200_000
/** Nodes written in one transaction: the event loop waits for it. */
const flushNodes = 20
const pageRecords = 2_000

/** Follows what is stored, from where it was before, until disposed of; then what has come is on disk. */
export async function startSeries({
  file,
  telemetry,
  clock,
  log,
  ...options
}: SeriesOptions): Promise<Series> {
  const { isOther, ...start } = await startOf(file, telemetry)
  const heads = createHeads({ ...start, ...options })
  const writing = createWriting(file, heads, log)
  const stop = new AbortController()
  /** What comes while the store is read; undefined once all of it is. */
  let early: ArrivedBatch[] | undefined = []

  function takeBatch({ source, firstId, received_at, facts }: ArrivedBatch): void {
    for (const [index, { point }] of facts.entries()) {
      const id = firstId + index
      if (id > heads.lastId()) heads.take({ id, source, received_at, point })
    }
    writing.relieve()
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
      const after = String(heads.lastId())
      const { records } = await telemetry.readAfter({ kind: 'metrics', after, limit: pageRecords })
      for (const { id, tenant_id, node_id, received_at, record } of records) {
        const { point } = arrivedFactsOf('metrics', record)
        heads.take({ id, source: { tenant_id, node_id }, received_at, point })
      }
      writing.relieve()
      isBehind = records.length === pageRecords
      if (isBehind) await turn()
    }
    const rest = early ?? []
    early = undefined
    rest.forEach(takeBatch)
    heads.forgetMarks()
  }

  async function run(): Promise<void> {
    if (isOther) await file.forgetMarks()
    await catchUp()
    for (;;) {
      await clock.sleep(flushMs, stop.signal)
      await writing.flush()
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
        heads.of(nodeId),
      ),
    prune: file.prune,
    flush: writing.flush,
    async [Symbol.asyncDispose]() {
      stopFollowing()
      stop.abort()
      await running
      await writing.flush()
    },
  }
}

/** Brings what is in memory to the disk, one round at a time. */
function createWriting(file: SeriesFile, heads: Heads, log: Pick<Log, 'warn'>) {
  let hasFailed = false
  let flushing: Promise<void> | undefined

  async function flushAll(): Promise<void> {
    const upTo = heads.lastId()
    const ids = heads.nodeIds()
    for (let at = 0; at < ids.length; at += flushNodes) {
      await flushSome(ids.slice(at, at + flushNodes))
      await turn()
    }
    await file.finish(String(upTo))
    hasFailed = false
  }

  /** What is written is no longer in memory in the same moment, so that whoever reads both sees it once. */
  async function flushSome(ids: readonly string[]): Promise<void> {
    const taken = new Map<string, Head>()
    try {
      await file.add(() => {
        for (const [id, head] of heads.takeOut(ids)) taken.set(id, head)
        return taken
      })
    } catch (error) {
      heads.putBack(taken)
      throw error
    }
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

  return {
    flush,
    /** Writes before the next round if memory has as much as it may; once that has failed, with the next round. */
    relieve() {
      if (heads.size() > maxHeadPoints && !hasFailed) void flush()
    },
  }
}

/** Where it was before; the beginning, if the store is another one than it followed. */
async function startOf(
  file: SeriesFile,
  telemetry: SeriesOptions['telemetry'],
): Promise<Pick<HeadsOptions, 'marks' | 'lastId'> & { isOther: boolean }> {
  const lastId = Number(file.cursor())
  const isOther = lastId > Number(await telemetry.cursorNow('metrics'))
  return isOther
    ? { isOther, marks: new Map(), lastId: 0 }
    : { isOther, marks: file.marks(), lastId }
}
