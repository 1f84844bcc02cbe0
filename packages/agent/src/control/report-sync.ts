import type { ReportSync } from '@plexd/protocol'
import { type Clock, type Log, wishedWaitMs } from '@plexd/runtime'
import { startTask } from '../process/task.ts'
import { createTrigger } from '../process/trigger.ts'
import type { ReportChange, ReportStore } from '../state/report-store.ts'
import { isRefusal } from './failure.ts'
import { takeBatch, toReportSync } from './report-batch.ts'
import { type Conflict, judgeRefusal } from './report-refusal.ts'
import { createSetbacks } from './report-setbacks.ts'
import { createRetryDelay } from './retry-delay.ts'

export interface ReportSyncOptions {
  store: Pick<
    ReportStore,
    'index' | 'onChange' | 'unsynced' | 'unsyncedCount' | 'confirm' | 'raise'
  >
  /** Rejects with ApiError for every answer except 2xx. Must be safe to repeat. */
  send(body: ReportSync, signal: AbortSignal): Promise<unknown>
  clock: Clock
  log: Log
  /** How long changes must have been quiet before they are sent; 5 s. */
  debounceMs?: number
  /** How long disposing may take to send the rest; 1 s. */
  flushMs?: number
  random?: () => number
}

export interface ReportSyncTask extends AsyncDisposable {
  /** The control plane is back: retry now, ignoring the backoff. */
  wake(): void
  /** Number of changes that the control plane refuses. They are kept, and sent again when their key is written or the daemon restarts. */
  setAside(): number
}

/** Sends the reports of local programs to the control plane, in batches, until each change is confirmed. */
export function startReportSync(options: ReportSyncOptions): ReportSyncTask {
  const { store, send, clock, log, debounceMs = 5_000, flushMs = 1_000 } = options
  const retryDelay = createRetryDelay(options.random)
  const changed = createTrigger(clock)
  const retry = createTrigger(clock)
  const setbacks = createSetbacks()
  const open = (): Iterable<ReportChange> => setbacks.open(store.unsynced())
  let index = store.index()
  let changedAtMs = clock.monotonic()

  const stopListening = store.onChange(() => {
    if (store.index() === index) return
    index = store.index()
    changedAtMs = clock.monotonic()
    changed.fire()
  })

  const task = startTask(async (signal) => {
    for (;;) {
      while (takeBatch(open()).length === 0) await changed.wait(idleMs, signal)
      await settle(signal)
      await sendAll(signal)
    }
  })

  /** Waits until there were no writes for a while, or the maximum delay is over. */
  async function settle(signal: AbortSignal): Promise<void> {
    const latestMs = clock.monotonic() + maxWaitMs
    for (;;) {
      const leftMs = Math.min(changedAtMs + debounceMs, latestMs) - clock.monotonic()
      if (leftMs <= 0) return
      await clock.sleep(leftMs, signal)
    }
  }

  /** Sends the changes present now; later ones wait for their own quiet period. */
  async function sendAll(signal: AbortSignal): Promise<void> {
    for (let left = store.unsyncedCount(); left > 0; ) {
      const batch = takeBatch(open())
      if (batch.length === 0) return
      try {
        await deliver(batch, signal)
        retryDelay.reset()
        left -= batch.length
      } catch (error) {
        signal.throwIfAborted()
        const delayMs = delayAfter(error, retryDelay.nextMs(error))
        log.warn('reports not sent, will retry', { error, retry_ms: Math.round(delayMs) })
        if (await retry.wait(delayMs, signal)) retryDelay.reset()
      }
    }
  }

  /** Rejects if a later retry makes sense. */
  async function deliver(batch: readonly ReportChange[], signal: AbortSignal): Promise<void> {
    try {
      await send(toReportSync(batch), signal)
    } catch (error) {
      return handleRefusal(batch, error, signal)
    }
    await store.confirm(batch)
    setbacks.confirmed(batch)
  }

  async function handleRefusal(
    batch: readonly ReportChange[],
    error: unknown,
    signal: AbortSignal,
  ): Promise<void> {
    const refusal = judgeRefusal(batch, error)
    if (refusal.todo === 'retry') throw error
    if (refusal.todo === 'raise')
      await Promise.all(refusal.of.map((conflict) => raise(conflict, error)))
    else if (refusal.todo === 'halve') {
      const half = Math.ceil(batch.length / 2)
      await deliver(batch.slice(0, half), signal)
      await deliver(batch.slice(half), signal)
    } else for (const change of batch) putAside(change, error)
  }

  /** Another writer changed this key at the control plane: ours is newer, so it continues from that version. */
  async function raise({ key, version }: Conflict, error: unknown): Promise<void> {
    log.warn('report entry conflicts with the control plane', { key, version })
    if (setbacks.conflicts(key)) return store.raise(key, version)
    for (const change of store.unsynced()) if (change.key === key) putAside(change, error)
  }

  function putAside(change: ReportChange, error: unknown): void {
    setbacks.putAside(change)
    log.error('report entry is refused by the control plane, set aside until it is written again', {
      key: change.key,
      version: change.version,
      error,
    })
  }

  /** One attempt at the rest. Whatever is not confirmed is on disk, and is sent after the next start. */
  async function flush(): Promise<void> {
    const deadline = new AbortController()
    const waiting = new AbortController()
    const inTime = sendOnce(deadline.signal).finally(() => waiting.abort())
    await clock.sleep(flushMs, waiting.signal).catch(() => {}) // aborted when everything is sent
    deadline.abort()
    await inTime.catch((error: unknown) => log.info('reports left for the next start', { error }))
  }

  async function sendOnce(signal: AbortSignal): Promise<void> {
    for (let batch = takeBatch(open()); batch.length > 0; batch = takeBatch(open())) {
      signal.throwIfAborted()
      await deliver(batch, signal)
    }
  }

  return {
    wake: () => retry.fire(),
    setAside: () => setbacks.count(store.unsynced()),
    async [Symbol.asyncDispose]() {
      stopListening()
      await task[Symbol.asyncDispose]()
      await flush()
    },
  }
}

/** The longest delay of a change, however many follow. */
const maxWaitMs = 30_000
/** When to check the store again if nobody writes. */
const idleMs = 10 * 60_000

/** The server's `Retry-After`, up to 10 min, wins. */
function delayAfter(error: unknown, patienceMs: number): number {
  const wishedMs = isRefusal(error) ? undefined : wishedWaitMs(error)
  return wishedMs === undefined ? patienceMs : Math.max(1_000, wishedMs)
}
