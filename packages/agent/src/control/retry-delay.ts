import { type Backoff, createBackoff, wishedWaitMs } from '@plexd/runtime'
import { isRefusal } from './client/failure.ts'

/** How long to wait after a failed request: longer each time, and at least as long as the server asks for (`Retry-After`, up to 10 min). */
export interface RetryDelay {
  nextMs(error: unknown): number
  reset(): void
}

export interface RetryDelayOptions {
  /** While the node is accepted. */
  usual: Backoff
  /** While the node is refused, the delay starts here and doubles up to 10 min; 60 s. */
  refusedMs?: number
  random?: (() => number) | undefined
}

export function createRetryDelay({
  usual,
  refusedMs = 60_000,
  random,
}: RetryDelayOptions): RetryDelay {
  const refused = createBackoff({ minMs: refusedMs, maxMs: 10 * 60_000, ...(random && { random }) })
  return {
    nextMs: (error) =>
      isRefusal(error) ? refused.nextMs() : Math.max(usual.nextMs(), wishedWaitMs(error) ?? 0),
    reset() {
      usual.reset()
      refused.reset()
    },
  }
}
