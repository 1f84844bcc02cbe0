import type { Clock } from '@plexd/runtime'
import type { Problems } from './problems.ts'

/** What is put right each time, so that nobody would notice how often it has to be: counted, and told. */
export interface Repeats {
  /** `what` was wrong this time. */
  add(what: string): void
  /** To be called now and then, so that what is over is not told any more. */
  check(): void
}

export interface RepeatsOptions {
  /** Of the problem. */
  part: string
  describe(times: number, last: string): string
  problems: Problems
  clock: Clock
}

/** What happens as often in this time will happen again; fewer are what an operator, or a change of the network, does. */
const windowMs = 60_000
const manyTimes = 5

export function createRepeats({ part, describe, problems, clock }: RepeatsOptions): Repeats {
  let times: number[] = []
  let last = ''

  function check(): void {
    times = times.filter((ms) => ms > clock.monotonic() - windowMs)
    if (times.length < manyTimes) problems.clear(part)
    else problems.set(part, describe(times.length, last))
  }

  return {
    add(what) {
      times.push(clock.monotonic())
      last = what
      check()
    },
    check,
  }
}
