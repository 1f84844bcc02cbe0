import type { ReportSync } from '@plexd/protocol'
import type { ReportChange, ReportStore } from '../../state/reports/report-store.ts'
import { type DeliveryDeps, startDelivery } from '../delivery.ts'
import { judgeTemporary, type Verdict } from '../verdict.ts'
import { takeBatch, toReportSync } from './batch.ts'
import { type Conflict, judgeRefusal } from './refusal.ts'
import { createSetbacks } from './setbacks.ts'

export interface ReportSyncOptions extends DeliveryDeps {
  store: Pick<
    ReportStore,
    'index' | 'onChange' | 'unsynced' | 'unsyncedCount' | 'confirm' | 'raise'
  >
  /** Rejects with ApiError for every answer except 2xx. Must be safe to repeat. */
  send(body: ReportSync, signal: AbortSignal): Promise<unknown>
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
  const { store, clock, log, debounceMs = 5_000, flushMs = 1_000 } = options
  const setbacks = createSetbacks()
  const open = (): Iterable<ReportChange> => setbacks.open(store.unsynced())
  let index = store.index()
  let changedAtMs = clock.monotonic()
  /** How many changes a round may send: later ones wait for their own quiet period. */
  let left = 0

  /** Waits until there were no writes for a while, or the maximum delay is over. */
  async function settle(signal: AbortSignal): Promise<void> {
    const latestMs = clock.monotonic() + maxWaitMs
    for (;;) {
      const leftMs = Math.min(changedAtMs + debounceMs, latestMs) - clock.monotonic()
      if (leftMs <= 0) return
      await clock.sleep(leftMs, signal)
    }
  }

  function judge(batch: readonly ReportChange[], error: unknown): Verdict {
    const { todo } = judgeRefusal(batch, error)
    if (todo === 'halve') return 'halve'
    return todo === 'retry' ? judgeTemporary(error) : 'refuse'
  }

  async function refuse(batch: readonly ReportChange[], error: unknown): Promise<void> {
    const refusal = judgeRefusal(batch, error)
    if (refusal.todo === 'raise')
      await Promise.all(refusal.of.map((conflict) => raise(conflict, error)))
    else for (const change of batch) putAside(change, error)
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

  const delivery = startDelivery<ReportChange>(
    {
      name: 'reports',
      async begin(isFresh, signal) {
        if (isFresh && takeBatch(open()).length > 0) await settle(signal)
        left = store.unsyncedCount()
      },
      next(passed) {
        if (left <= 0) return []
        const batch = takeBatch(Iterator.from(open()).filter((change) => !passed.has(change)))
        left -= batch.length
        return batch
      },
      idOf: (change) => change,
      send: async (batch, signal) => options.send(toReportSync(batch), signal),
      async remove(batch) {
        await store.confirm(batch)
        setbacks.confirmed(batch)
      },
      judge,
      refuse,
    },
    { ...options, maxDelayMs: 60_000, flushMs },
  )

  const stopListening = store.onChange(() => {
    if (store.index() === index) return
    index = store.index()
    changedAtMs = clock.monotonic()
    delivery.added()
  })

  return {
    wake: delivery.wake,
    setAside: () => setbacks.count(store.unsynced()),
    async [Symbol.asyncDispose]() {
      stopListening()
      await delivery[Symbol.asyncDispose]()
    },
  }
}

/** The longest delay of a change, however many follow. */
const maxWaitMs = 30_000
