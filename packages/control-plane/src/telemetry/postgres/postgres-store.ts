import { handOver, type Log, silentLog, systemClock } from '@plexd/runtime'
import { limits } from '../../limits.ts'
import { openBeside } from '../../store/postgres/beside.ts'
import type { PostgresPlace } from '../../store/postgres/place.ts'
import { arrivedBatch } from '../arrived.ts'
import type { Arrival, Written } from '../pack-writer.ts'
import type { RecordKind } from '../packs/kinds.ts'
import { packRecords } from '../packs/pack.ts'
import { rememberSeries } from '../packs/samples.ts'
import { prunePartitions } from '../retention.ts'
import { createSearcher } from '../searcher.ts'
import { pagesOf } from '../selection.ts'
import type { ArrivedBatch, TelemetryStore } from '../store.ts'
import { readHead } from './head.ts'
import { createPartitions } from './partitions.ts'
import { listRecords, readArrivals } from './read.ts'
import { searchPacks } from './search.ts'
import { createSlots } from './slots.ts'
import { telemetrySchema } from './tables.ts'
import { createKindWriter, type KindWriter } from './writer.ts'

export interface PostgresTelemetryOptions {
  now?(): number
  /** Waits so long for other processes. */
  lockWaitMs?: number
  log?: Pick<Log, 'warn'>
  /** Of nodes; marks of others are forgotten when a partition begins. */
  isNode?: (id: string) => boolean
  /** After how long the next partition begins: a day. */
  partitionMs?: number
}

/** Connections for all but searches: one for each kind that is written, and some for reading. */
const maxConnections = 6
/** Each has a connection to itself for as long as it takes. */
const maxSearches = 2

/**
 * In tables of a database, with one row for each batch. One control plane at a time has its turn to write them, and one that has lost it may still be
 * writing: each batch is stored once all the same, and ids grow in the order of commits.
 */
export async function openPostgresTelemetry(
  place: PostgresPlace,
  {
    now = systemClock.now,
    lockWaitMs = limits.database_lock_wait.default,
    log = silentLog,
    isNode = () => true,
    partitionMs = limits.telemetry_file_ms.default,
  }: PostgresTelemetryOptions = {},
): Promise<TelemetryStore> {
  await using stack = new AsyncDisposableStack()
  const open = async (max: number) => {
    const db = await openBeside<unknown>(place, { schema: telemetrySchema, max, lockWaitMs })
    stack.defer(() => db.destroy())
    return db
  }
  const db = await open(maxConnections)
  const ofSearches = await open(maxSearches)
  const noteDamage = createDamageNote(log)
  const searcher = stack.use(createSearcher(noteDamage))
  const inTurn = createSlots(maxSearches)
  const partitions = createPartitions(db)
  const identify = rememberSeries()
  const listeners = new Set<(batch: ArrivedBatch) => void>()
  const writers = new Map<RecordKind, KindWriter>()
  stack.defer(async () => {
    await Promise.all([...writers.values()].map((writer) => writer.drain()))
  })

  function tell(kind: RecordKind, { source, receivedAtMs }: Arrival, written: Written): void {
    const { pack, firstId } = written
    if (!pack) return
    const head = { kind, source, received_at: receivedAtMs, firstId }
    const arrived = arrivedBatch(pack, identify, head)
    for (const listener of listeners) listener(arrived)
  }

  const writerOf = (kind: RecordKind): KindWriter =>
    writers.getOrInsertComputed(kind, () =>
      createKindWriter(kind, { db, now, partitionMs, isNode, tell }),
    )

  return {
    async append(batch) {
      const { kind, source, position } = batch
      const packs = 'packs' in batch ? batch.packs : packRecords(kind, batch)
      const queue = position && { ...position, of: source.node_id }
      let duplicates = 0
      // One after another: the position behind a pack says that those before it are stored, too.
      for (const pack of packs) {
        const arrival = { source, receivedAtMs: now(), pack, position: queue }
        const written = await writerOf(kind).write(arrival)
        duplicates += pack.count - (written.pack?.count ?? 0)
      }
      return { duplicates }
    },
    list: (query) => listRecords(db, query, noteDamage),
    async *search(query) {
      const search = () => searchPacks(ofSearches, searcher, query)
      yield* pagesOf(await inTurn(search, query.signal))
    },
    readAfter: (query) => readArrivals(db, query, noteDamage),
    cursorNow: async (kind) => String((await readHead(db, kind)).last_id),
    onAppend(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    prune: (limits) => prunePartitions(partitions, limits),
    [Symbol.asyncDispose]: handOver(stack),
  }
}

/** Once: whoever looks after the database has to look at all of it. */
function createDamageNote(log: Pick<Log, 'warn'>): (reason: string) => void {
  let isNoted = false
  return (reason) => {
    if (isNoted) return
    isNoted = true
    log.warn('telemetry in the database is damaged: what can be read of it goes on', {
      error: reason,
    })
  }
}
