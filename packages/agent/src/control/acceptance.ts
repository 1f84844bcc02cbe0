import type { Backoff, Clock, Log } from '@plexd/runtime'
import type { Problems } from '../health/problems.ts'
import type { Vitals } from '../health/vitals.ts'
import { describeRefusal, isRefusal } from './client/failure.ts'
import { createRetryDelay } from './retry-delay.ts'

/** Options of a polling loop. */
export interface AskingDeps {
  intervalMs: number
  describe(error: unknown): string
  vitals: Vitals
  problems: Problems
  clock: Clock
  log: Log
  random?: () => number
}

/** Tracks whether the control plane accepts this node, as a polling loop learns it. */
export interface Acceptance {
  accepted(): void
  /** Reports it; returns the time to wait (ms). */
  failed(message: string, error: unknown): number
}

export function createAcceptance(
  { describe, vitals, problems, log, random }: AskingDeps,
  delays: { usual: Backoff; refusedMs: number },
): Acceptance {
  const retryDelay = createRetryDelay({ ...delays, random })
  return {
    accepted() {
      problems.clear('refused')
      retryDelay.reset()
    },
    failed(message, error) {
      const reason = describe(error)
      vitals.last_error = reason
      log.warn(message, { error: reason })
      if (isRefusal(error)) problems.set('refused', describeRefusal(reason))
      return retryDelay.nextMs(error)
    },
  }
}
