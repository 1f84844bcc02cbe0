import { type Clock, createBackoff, type Log } from '@plexd/runtime'
import type { Problems } from '../health/problems.ts'
import type { Vitals } from '../health/vitals.ts'
import { describeRefusal, isRefusal } from './failure.ts'

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
  /** Reports it; returns the time to wait (ms) if the node is refused, undefined for any other failure. */
  failed(message: string, error: unknown): number | undefined
}

/** While refused, the loop retries after `refusedMs`, doubling up to 10 min. */
export function createAcceptance(
  { describe, vitals, problems, log, random }: AskingDeps,
  refusedMs: number,
): Acceptance {
  const slow = createBackoff({ minMs: refusedMs, maxMs: 10 * 60_000, ...(random && { random }) })
  return {
    accepted() {
      problems.clear('refused')
      slow.reset()
    },
    failed(message, error) {
      const reason = describe(error)
      vitals.last_error = reason
      log.warn(message, { error: reason })
      if (!isRefusal(error)) return undefined
      problems.set('refused', describeRefusal(reason))
      return slow.nextMs()
    },
  }
}
