import type { Clock } from '@plexd/runtime'
import type { Problems } from './problems.ts'

/** What is put right each time, so that nobody would notice how often it has to be: counted, and told. */
export interface Repeats<What = string> {
  /** `what` was wrong this time, or who did it. */
  add(what: What): void
  /** To be called now and then, so that what is over is not told any more. */
  check(): void
  /** How often in the last minute, as of the last of these two. */
  times(): number
}

export interface RepeatsOptions<What> {
  /** Of the problem. */
  part: string
  /** From how many in a minute on it is one. */
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
