import { setImmediate as turn } from 'node:timers/promises'
import type { TelemetryKind } from '@plexd/protocol'
import { type Clock, createBackoff, describeError, type Log, orAborted } from '@plexd/runtime'
import type { ForwardProgress } from '../rows/forwards.ts'
import type { TelemetryStore } from '../telemetry/store.ts'
import type { ChooseRecords } from './choose-records.ts'
import type { Outgoing } from './protocols/outgoing.ts'
import type { Target } from './target.ts'

export interface StreamOptions {
  records: TelemetryKind
  /** As it was saved last. */
  progress: ForwardProgress
  /** Resolves once it is on disk. */
  save(progress: ForwardProgress): Promise<void>
  telemetry: Pick<TelemetryStore, 'readAfter' | 'onAppend'>
  choose: ChooseRecords
  target: Target
  clock: Clock
  log: Log
}

/** Records of one kind on their way to one target. Disposing ends a request that is open; what it sent is sent again after the next start. */
export interface ForwardStream extends AsyncDisposable {
  progress(): ForwardProgress
  /** When the oldest record came that has yet to be sent; undefined if none is known. */
  waitingSinceMs(): number | undefined
}

/** What is in memory of a target that takes nothing. */
const pageRecords = 1_000
const pageBytes = 4 * 1024 ** 2
/** How long records gather before they are read, so that each batch of a node is no request. */
const gatherMs = 1_000
const backoff = { minMs: 1_000, maxMs: 60_000 }

/** Sends what is stored, in the order of arrival, each page at least once; waits for more. */
export function startForwardStream(options: StreamOptions): ForwardStream {
  const { records, save, telemetry, choose, target, clock, log } = options
  const { name } = options.progress
  const controller = new AbortController()
  const { signal } = controller
  let progress = options.progress
  let waitingSinceMs: number | undefined
  let news = Promise.withResolvers<void>()
  const unfollow = telemetry.onAppend(({ kind }) => {
    if (kind === records) news.resolve()
  })
  const pause = createBackoff(backoff)

  async function run(): Promise<void> {
    for (;;) {
      try {
        await forwardAll()
      } catch (error) {
        signal.throwIfAborted()
        log.warn('records cannot be passed on', { forward: name, error: describeError(error) })
        await clock.sleep(pause.nextMs(), signal)
        continue
      }
      await orAborted(news.promise, signal)
      await clock.sleep(gatherMs, signal)
    }
  }

  /** Until there is nothing more. */
  async function forwardAll(): Promise<void> {
    for (;;) {
      news = Promise.withResolvers()
      const page = await telemetry.readAfter({
        kind: records,
        after: progress.position,
        limit: pageRecords,
        maxBytes: pageBytes,
      })
      waitingSinceMs = page.records[0]?.received_at
      if (page.cursor === progress.position) return
      const removed = progress.removed + page.removed
      for (const part of target.divide(choose(page.records))) await deliver(part)
      progress = { ...progress, position: page.cursor, removed }
      await save(progress)
      pause.reset()
      await turn()
      signal.throwIfAborted()
    }
  }

  /** Until they are taken or refused for good. */
  async function deliver(part: readonly Outgoing<unknown>[]): Promise<void> {
    for (;;) {
      const { verdict, count } = await target.send(part, signal)
      switch (verdict.type) {
        case 'sent':
          return settle({ count, refused: Math.min(count, verdict.refused), why: verdict.why })
        case 'refused':
          return settle({ count, refused: count, why: verdict.why })
        case 'too_large': {
          if (part.length <= 1) return settle({ count, refused: count, why: verdict.why })
          const half = Math.ceil(part.length / 2)
          await deliver(part.slice(0, half))
          return deliver(part.slice(half))
        }
        case 'later':
          await noteFailure(verdict.why)
          await clock.sleep(Math.max(verdict.afterMs ?? 0, pause.nextMs()), signal)
      }
    }
  }

  function settle({ count, refused, why }: { count: number; refused: number; why?: string }): void {
    pause.reset()
    if (count === 0) return
    const now = clock.now()
    if (refused > 0 && why !== progress.error)
      log.warn('a target refuses records', { forward: name, records, refused, error: why })
    progress = {
      ...progress,
      sent: progress.sent + count - refused,
      refused: progress.refused + refused,
      ...(refused < count ? { sent_at: now } : {}),
      ...(why === undefined ? { error: null, error_at: null } : { error: why, error_at: now }),
    }
  }

  /** On disk, for the doctor, who is another process. */
  async function noteFailure(error: string): Promise<void> {
    const isNews = progress.error !== error
    progress = { ...progress, error, error_at: clock.now() }
    if (!isNews) return
    log.warn('a target takes no records, they are sent again', { forward: name, records, error })
    await save(progress)
  }

  const ended = run().catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
  return {
    progress: () => progress,
    waitingSinceMs: () => waitingSinceMs,
    async [Symbol.asyncDispose]() {
      unfollow()
      controller.abort()
      await ended
      target[Symbol.dispose]()
    },
  }
}
