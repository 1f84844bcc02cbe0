import { type Clock, describeError } from '@plexd/runtime'
import { NothingChanged } from '../../store/nothing-changed.ts'
import type { TelemetryStore } from '../store.ts'
import { createFolding, type Folding, type FoldingOptions } from './folding.ts'
import { addHour, emptyHour, type Hour } from './hours/hour.ts'
import { placeOf } from './hours/place.ts'
import { ProgressChanged, type SeriesStore } from './stores/store.ts'

/** What all metrics were, in stretches of five minutes. */
export interface Series extends AsyncDisposable {
  /** Of a node, by the beginnings of the hours that the range touches, oldest first. */
  read(nodeId: string, range: { sinceMs: number; untilMs: number }): Promise<Map<number, Hour>>
  prune: SeriesStore['prune']
  /** Writes what has come. Until then it is in memory, and after a crash it is read from telemetry again. */
  flush(): Promise<void>
}

export interface SeriesOptions
  extends Pick<FoldingOptions, 'room' | 'programs' | 'onLeftOut' | 'log'> {
  store: SeriesStore
  telemetry: Pick<TelemetryStore, 'onAppend' | 'readAfter' | 'cursorNow'>
  clock: Clock
}

const flushMs = 5 * 60_000
/** Until it is begun again where what is stored is not what was known, or cannot be asked. */
const pauseMs = 5_000

/** Follows telemetry, from where the series were before, until disposed of; then what has come is stored. */
export function startSeries({ store, telemetry, clock, log, ...options }: SeriesOptions): Series {
  const stop = new AbortController()
  /** Undefined while it is not known what is stored. */
  let folding: Folding | undefined

  const stopFollowing = telemetry.onAppend((batch) => {
    if (batch.kind === 'metrics') folding?.follow(batch)
  })

  async function begin(onChanged: (error: ProgressChanged) => void): Promise<Folding> {
    const writer = await store.begin(Number(await telemetry.cursorNow('metrics')))
    return createFolding({ ...options, writer, telemetry, log, onChanged })
  }

  /** Rejects when what is stored is not what was known. */
  async function fold(onBegun: () => void): Promise<never> {
    const changed = new AbortController()
    const signal = AbortSignal.any([stop.signal, changed.signal])
    try {
      folding = await begin((error) => changed.abort(error))
      await folding.catchUp(signal)
      onBegun()
      for (;;) {
        await clock.sleep(flushMs, signal)
        await folding.flush()
      }
    } catch (error) {
      throw changed.signal.aborted ? changed.signal.reason : error
    }
  }

  async function run(): Promise<void> {
    let isTold = false
    for (;;) {
      await fold(() => {
        isTold = false
      }).catch((error: unknown) => {
        if (stop.signal.aborted || !isPassing(error)) throw error
        if (!isTold && hasFailed(error))
          log.warn('series of metrics are not written yet', { error: describeError(error) })
        isTold = true
      })
      await folding?.idle()
      folding = undefined
      await clock.sleep(pauseMs, stop.signal)
    }
  }

  const running = run().catch((error: unknown) => {
    if (!stop.signal.aborted)
      log.warn('series of metrics are not kept until the next start', {
        error: describeError(error),
      })
  })
  return {
    async read(nodeId, { sinceMs, untilMs }) {
      const range = { fromMs: placeOf(sinceMs).startMs, toMs: untilMs }
      // Before the store is read, so that what is written meanwhile is in one of both.
      const heads = folding?.of(nodeId) ?? []
      const { hours, lastId } = await store.read(nodeId, range)
      for (const head of heads)
        if (head.firstId > lastId) addRange(hours, head.hours, { ...range, room: options.room })
      return new Map(Array.from(hours).sort(([a], [b]) => a - b))
    },
    prune: store.prune,
    flush: async () => folding?.flush(),
    async [Symbol.asyncDispose]() {
      stopFollowing()
      stop.abort()
      await running
      await folding?.flush()
    },
  }
}

/** Whether what was meant to be done may be possible later. */
function isPassing(error: unknown): boolean {
  return error instanceof ProgressChanged || error instanceof NothingChanged
}

/** That another was first is none. */
function hasFailed(error: unknown): boolean {
  return !(error instanceof ProgressChanged) || error.cause !== undefined
}

function addRange(
  to: Map<number, Hour>,
  from: ReadonlyMap<number, Hour>,
  { fromMs, toMs, room }: { fromMs: number; toMs: number; room: SeriesOptions['room'] },
): void {
  for (const [startMs, hour] of from)
    if (startMs >= fromMs && startMs <= toMs)
      addHour(to.getOrInsertComputed(startMs, emptyHour), hour, room)
}
