import type { Clock } from '@plexd/runtime'

/** Calls `run` after `ms`, unless it is disposed before. */
export function startTimer(clock: Pick<Clock, 'sleep'>, ms: number, run: () => void): Disposable {
  const stop = new AbortController()
  clock.sleep(Math.max(0, ms), stop.signal).then(
    () => {
      if (!stop.signal.aborted) run()
    },
    () => {}, // disposed
  )
  return { [Symbol.dispose]: () => stop.abort() }
}
