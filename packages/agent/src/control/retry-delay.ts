import { createBackoff } from '@plexd/runtime'
import { isRefusal } from './failure.ts'

/** How long to wait after a failed request, longer each time: 1 s to 60 s; 60 s to 10 min while the node is refused. */
export interface RetryDelay {
  nextMs(error: unknown): number
  reset(): void
}

export function createRetryDelay(random?: () => number): RetryDelay {
  const quick = createBackoff({ minMs: 1_000, maxMs: 60_000, ...(random && { random }) })
  const slow = createBackoff({ minMs: 60_000, maxMs: 10 * 60_000, ...(random && { random }) })
  return {
    nextMs: (error) => (isRefusal(error) ? slow : quick).nextMs(),
    reset() {
      quick.reset()
      slow.reset()
    },
  }
}
