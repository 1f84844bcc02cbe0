import { lastDue, nextDue, type Rhythm } from '../rhythm/cron.ts'

/** What a schedule does when its time has come. */
export interface Turn {
  /** The latest time that has come. */
  dueMs: number
  /** Earlier ones that have come since, for which nothing is done any more; `maxMissed` at most. */
  missed: number
  /** Whether it is not too late for a run. */
  isInTime: boolean
  /** The first time that is yet to come; undefined if there is none. */
  nextMs: number | undefined
}

/** How many missed times are counted: a year of minutes would be half a million. */
const maxMissed = 1_000

/**
 * Of all times that have come, only the latest can have a run: after an absence there is one run at most, and none when even
 * the latest is longer ago than `startWithinMs`. Pure.
 */
export function turnOf(
  rhythm: Rhythm,
  { dueMs, startWithinMs, nowMs }: { dueMs: number; startWithinMs: number; nowMs: number },
): Turn {
  const latest = Math.max(dueMs, lastDue(rhythm, nowMs) ?? dueMs)
  return {
    dueMs: latest,
    missed: countBetween(rhythm, dueMs, latest),
    isInTime: nowMs - latest <= startWithinMs,
    nextMs: nextDue(rhythm, nowMs),
  }
}

/** The times from the first to one before the last. */
function countBetween(rhythm: Rhythm, firstMs: number, lastMs: number): number {
  let count = 0
  let dueMs: number | undefined = firstMs
  while (dueMs !== undefined && dueMs < lastMs && count < maxMissed) {
    count++
    dueMs = nextDue(rhythm, dueMs)
  }
  return count
}
