import { setImmediate as turn } from 'node:timers/promises'
import type { Log } from '@plexd/runtime'
import { openBeside } from '../../../../store/postgres/beside.ts'
import type { PostgresPlace } from '../../../../store/postgres/place.ts'
import type { Hour } from '../../hours/hour.ts'
import { createHourMerge, rowBytes } from '../../hours/merge.ts'
import {
  type Head,
  ProgressChanged,
  type SeriesStore,
  type SeriesStoreOptions,
  type SeriesWriter,
} from '../store.ts'
import { sweep } from '../sweep.ts'
import {
  addHoldings,
  forgetHoldings,
  putHours,
  readHoldings,
  readHours,
  readRange,
  removeHours,
} from './hours.ts'
import {
  exchangeVersion,
  forgetMarks,
  inSeriesTransaction,
  putMarks,
  putProgress,
  readProgress,
  type SeriesTransaction,
} from './progress.ts'
import { seriesTables } from './tables.ts'

/** Rows deleted at once. */
const pruneRows = 500
/** Hours read and written at once: the event loop waits for each, and the server ends a transaction that says nothing for long. */
const hoursAtOnce = 50

export interface PostgresSeriesOptions extends SeriesStoreOptions {
  log: Pick<Log, 'warn'>
}

/**
 * In PostgreSQL, where a control plane that has lost its turn may still be writing. Each transaction takes a lock, finds the version that its writer has left, and
 * leaves another: a writer that finds a different one, or does not know what became of a commit, has to begin again.
 */
export async function openPostgresSeries(
  place: PostgresPlace,
  { room, onLeftOut, lockWaitMs, log }: PostgresSeriesOptions,
): Promise<SeriesStore> {
  const db = await openBeside<unknown>(place, { schema: seriesTables, lockWaitMs })
  const merging = createHourMerge({ room, onLeftOut, noteDamage: createDamageNote(log) })

  function createWriter(start: Awaited<ReturnType<typeof readProgress>>): SeriesWriter {
    let version: string | undefined = start.version

    async function write(work: (tx: SeriesTransaction) => Promise<void>): Promise<void> {
      const [from, to] = [version, crypto.randomUUID()]
      version = undefined
      if (from === undefined) throw changed('it has ended before')
      await inSeriesTransaction(db, async (tx) => {
        if (!(await exchangeVersion(tx, { from, to })))
          throw changed('another control plane has written since')
        await work(tx)
      }).catch((error: unknown) => {
        // Of a commit it may not be known whether it happened.
        throw error instanceof ProgressChanged ? error : changed('it failed', error)
      })
      version = to
    }

    return {
      lastId: start.lastId,
      marks: start.marks,
      add: (heads) =>
        write(async (tx) => {
          await addHours(tx, heads)
          await putMarks(tx, lastIdsOf(heads))
        }),
      finish: (lastId) => write((tx) => putProgress(tx, lastId)),
    }
  }

  async function addHours(tx: SeriesTransaction, heads: ReadonlyMap<string, Head>): Promise<void> {
    const news = newsOf(heads)
    const growths = new Map<string, number>()
    for (let at = 0; at < news.length; at += hoursAtOnce) {
      await turn()
      const some = news.slice(at, at + hoursAtOnce)
      const before = new Map((await readHours(tx, some)).map((row) => [keyOf(row), row.data]))
      const merged = some.map(({ nodeId, startMs, hour }) => {
        const stored = before.get(keyOf({ node_id: nodeId, start_ms: startMs }))
        const { data, growth } = merging.merge({ nodeId, startMs }, hour, stored)
        growths.set(nodeId, growth + (growths.get(nodeId) ?? 0))
        return { nodeId, startMs, data }
      })
      await putHours(tx, merged)
    }
    await addHoldings(tx, growths)
  }

  const remove = (
    which: (tx: SeriesTransaction) => Promise<Parameters<typeof removeHours>[1] | undefined>,
  ) =>
    inSeriesTransaction(db, async (tx) => {
      const these = await which(tx)
      if (!these) return 0
      const rows = await removeHours(tx, these, pruneRows)
      await addHoldings(tx, freedOf(rows))
      return rows.length
    })

  return {
    begin: (newestId) =>
      inSeriesTransaction(db, async (tx) => {
        const progress = await readProgress(tx)
        if (progress.lastId <= newestId) return createWriter(progress)
        // It has gone back to what it was before. What it has is in the series, and what comes now is new.
        await putProgress(tx, newestId)
        await forgetMarks(tx)
        return createWriter({ ...progress, lastId: newestId, marks: new Map() })
      }),
    async read(nodeId, range) {
      const { rows, lastId } = await readRange(db, { nodeId, ...range })
      return { hours: merging.read(nodeId, rows), lastId }
    },
    async prune({ beforeMs, maxBytes }) {
      const old = await sweep(() => remove(async () => ({ beforeMs })))
      const excess = await sweep(() =>
        remove(async (tx) => {
          const held = await readHoldings(tx)
          return held && held.total > maxBytes ? { nodeId: held.largest } : undefined
        }),
      )
      await inSeriesTransaction(db, forgetHoldings)
      return old + excess
    },
    [Symbol.asyncDispose]: () => db.destroy(),
  }
}

function changed(reason: string, cause?: unknown): ProgressChanged {
  return new ProgressChanged(`write series of metrics: ${reason}`, { cause })
}

/** The server has checksums of its own, so there is no more to be done than to say so. */
function createDamageNote(log: Pick<Log, 'warn'>): (reason: string) => void {
  let isNoted = false
  return (error) => {
    if (!isNoted) log.warn('series of metrics in the database are damaged', { error })
    isNoted = true
  }
}

function newsOf(
  heads: ReadonlyMap<string, Head>,
): { nodeId: string; startMs: number; hour: Hour }[] {
  return Array.from(heads, ([nodeId, { hours }]) =>
    Array.from(hours, ([startMs, hour]) => ({ nodeId, startMs, hour })),
  ).flat()
}

function lastIdsOf(heads: ReadonlyMap<string, Head>): Map<string, number> {
  return new Map(Array.from(heads, ([nodeId, { lastId }]) => [nodeId, lastId]))
}

function keyOf({ node_id, start_ms }: { node_id: string; start_ms: number }): string {
  return `${node_id} ${start_ms}`
}

/** By how many bytes each node has less. */
function freedOf(rows: readonly { node_id: string; bytes: number }[]): Map<string, number> {
  const freed = new Map<string, number>()
  for (const { node_id, bytes } of rows)
    freed.set(node_id, (freed.get(node_id) ?? 0) - bytes - rowBytes)
  return freed
}
