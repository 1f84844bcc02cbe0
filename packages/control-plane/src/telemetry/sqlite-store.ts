import { type Log, silentLog, systemClock } from '@plexd/runtime'
import { limits } from '../limits.ts'
import { createPatience } from '../store/patience.ts'
import type { OnStep } from '../store/start-step.ts'
import { arrivedBatch } from './arrived.ts'
import { recordKinds } from './packs/kinds.ts'
import { type Pack, packRecords } from './packs/pack.ts'
import { rememberSeries } from './packs/samples.ts'
import { openPartitions } from './partitions.ts'
import { listRecords, readArrivals } from './read.ts'
import { prunePartitions } from './retention.ts'
import { createSearcher } from './searcher.ts'
import { pagesOf } from './selection.ts'
import type { ArrivedBatch, RecordBatch, TelemetryStore } from './store.ts'
import { formerId, openFormerStore } from './take-over.ts'

export interface TelemetryOptions {
  now?(): number
  /** Waits so long for other processes. */
  lockWaitMs?: number
  log?: Pick<Log, 'error' | 'warn'>
  onStep?: OnStep | undefined
  /** The file of an earlier version; its records are taken over. */
  before?: string
  /** Of nodes; marks of others are forgotten when the next file begins. */
  isNode?: (id: string) => boolean
  fileMs?: number
}

/** A folder of SQLite files, one for each kind and day, with one row for each batch. */
export function openSqliteTelemetry(
  folder: string,
  {
    now = systemClock.now,
    lockWaitMs = limits.database_lock_wait.default,
    log = silentLog,
    onStep,
    before,
    isNode,
    fileMs,
  }: TelemetryOptions = {},
): TelemetryStore {
  const former = before === undefined ? undefined : openFormerStore(before, { log, onStep })
  const partitions = openPartitions(folder, {
    now,
    lockWaitMs,
    fileMs,
    log,
    onStep,
    startId: former?.lastId,
    // While an earlier store is taken over, its mark goes on.
    isNode: isNode && ((id) => id === formerId || isNode(id)),
  })
  const ending = new AbortController()
  const takenOver = former
    ?.takeOver(partitions, ending.signal)
    .catch((error: unknown) =>
      log.error('telemetry of an earlier version not taken over', { error }),
    )
  const searcher = createSearcher((reason, path) => {
    const all = recordKinds.flatMap(partitions.of)
    all.find((partition) => partition.path === path)?.noteDamage(reason)
  })
  const patience = createPatience(lockWaitMs)
  const identify = rememberSeries()
  const listeners = new Set<(batch: ArrivedBatch) => void>()

  /** How many of its records the node has sent before. */
  async function appendPack({ kind, source, position }: RecordBatch, pack: Pack): Promise<number> {
    const receivedAtMs = now()
    const written = await partitions.write(kind, {
      source,
      receivedAtMs,
      pack,
      position: position && { ...position, of: source.node_id },
    })
    if (!written.pack) return pack.count
    const arrived = arrivedBatch(written.pack, identify, {
      kind,
      source,
      received_at: receivedAtMs,
      firstId: written.firstId,
    })
    for (const tell of listeners) tell(arrived)
    return pack.count - written.pack.count
  }

  return {
    async append(batch) {
      const packs = 'packs' in batch ? batch.packs : packRecords(batch.kind, batch)
      let duplicates = 0
      // One after another: the position behind a pack says that those before it are stored, too.
      for (const pack of packs) duplicates += await appendPack(batch, pack)
      return { duplicates }
    },
    list: (query) => patience(() => listRecords(partitions.of(query.kind), query)),
    async *search({ signal, ...query }) {
      const paths = partitions.of(query.kind).map(({ path }) => path)
      if (paths.length > 0) yield* pagesOf(await searcher.search({ query, paths }, signal))
    },
    readAfter: ({ kind, after = '0', limit, maxBytes }) =>
      patience(() => readArrivals(partitions.of(kind), { after: Number(after), limit, maxBytes })),
    cursorNow: async (kind) => String(partitions.lastId(kind)),
    onAppend(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    prune: (limits) => prunePartitions(partitions, limits),
    async [Symbol.asyncDispose]() {
      ending.abort()
      await takenOver
      former?.[Symbol.dispose]()
      await searcher[Symbol.asyncDispose]()
      await partitions[Symbol.asyncDispose]()
    },
  }
}
