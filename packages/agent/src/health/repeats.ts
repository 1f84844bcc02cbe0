import type { Clock } from '@plexd/runtime'
import type { Problems } from './problems.ts'

/** Counts repairs of one part, and reports a problem if they are frequent: each alone would go unnoticed. */
export interface Repeats<What = string> {
  /** `what` was wrong, or who caused it. */
  add(what: What): void
  /** Call it at intervals: clears the problem once it is over. */
  check(): void
  /** Repairs in the last minute, as of the last `add` or `check`. */
  times(): number
}

export interface RepeatsOptions<What> {
  part: string
  /** The number per minute from which it is a problem. */
  manyTimes: number
  describe(times: number, last: What): string
  problems: Problems
  clock: Clock
}

const windowMs = 60_000

export function createRepeats<What = string>(options: RepeatsOptions<What>): Repeats<What> {
  const { part, manyTimes, describe, problems, clock } = options
  let recent: { atMs: number; what: What }[] = []

  function check(): void {
    recent = recent.filter(({ atMs }) => atMs > clock.monotonic() - windowMs)
    const last = recent.length < manyTimes ? undefined : recent.at(-1)
    problems.set(part, last && describe(recent.length, last.what))
  }

  return {
    add(what) {
      recent.push({ atMs: clock.monotonic(), what })
      check()
    },
    check,
    times: () => recent.length,
  }
}
