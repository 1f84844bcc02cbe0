import { systemClock } from '@plexd/runtime'

/** Runs long loops in slices, so that requests are answered in between. */
export interface Slices {
  /** Runs the work now, or after what is already running; it must not throw. */
  run(bit: () => void): void
}

/** The longest time that a request waits for a slice. */
const sliceMs = 20

export function createSlices(now: () => number = systemClock.monotonic): Slices {
  const waiting: (() => void)[] = []
  let endMs = Number.NEGATIVE_INFINITY
  let isDue = false

  function begin(): void {
    endMs = now() + sliceMs
    isDue = true
    setImmediate(next)
  }

  function next(): void {
    isDue = false
    if (waiting.length === 0) return
    begin()
    let count = 0
    while (count < waiting.length && now() < endMs) waiting[count++]?.()
    waiting.splice(0, count)
  }

  return {
    run(bit) {
      if (!isDue) begin()
      if (waiting.length === 0 && now() < endMs) bit()
      else waiting.push(bit)
    },
  }
}
