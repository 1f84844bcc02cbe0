/** Counts what happens within a period. */
export interface Counter {
  /** The number of calls, including this one, in the period that began with the first of them. */
  add(nowMs: number): number
}

export function createCounter(periodMs: number): Counter {
  let startMs = Number.NEGATIVE_INFINITY
  let count = 0
  return {
    add(nowMs) {
      if (nowMs - startMs >= periodMs) {
        startMs = nowMs
        count = 0
      }
      return ++count
    },
  }
}
