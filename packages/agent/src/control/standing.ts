import { type Clock, createBackoff, type Log } from '@plexd/runtime'
import type { Problems } from '../health/problems.ts'
import type { Vitals } from '../health/vitals.ts'
import { describeRefusal, isRefusal } from './failure.ts'

/** Of a loop that asks the control plane the same over and over. */
export interface AskingDeps {
  intervalMs: number
  describe(error: unknown): string
  vitals: Vitals
  problems: Problems
  clock: Clock
  log: Log
  random?: () => number
}

/** Whether the control plane takes this node for one of its own, as such a loop learns it. */
export interface Standing {
  accepted(): void
  /** Tells of it; the time to wait (ms) where the node is refused, undefined for any other failure. */
  failed(message: string, error: unknown): number | undefined
}

/** Refused, it asks again after `refusedMs`, and more seldom each time, down to every 10 min. */
export function createStanding(
  { describe, vitals, problems, log, random }: AskingDeps,
  refusedMs: number,
): Standing {
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
