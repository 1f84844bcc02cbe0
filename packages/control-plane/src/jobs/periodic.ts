import { type Clock, describeError, type Log } from '@plexd/runtime'

export interface Job {
  name: string
  everyMs: number
  /** The signal says that it is no longer wanted. */
  run: (signal: AbortSignal) => Promise<void>
}

/** Runs a job repeatedly, each time one period after the end of the last run. Failures are logged, and the job continues. */
export function startPeriodic(
  { name, everyMs, run }: Job,
  { clock, log }: { clock: Clock; log: Log },
): AsyncDisposable {
  const stop = new AbortController()
  const ended = loop()

  async function loop(): Promise<void> {
    for (;;) {
      try {
        await clock.sleep(everyMs, stop.signal)
      } catch {
        return // it was stopped
      }
      try {
        await run(stop.signal)
      } catch (error) {
        log.error('job failed', { job: name, error: describeError(error) })
      }
    }
  }

  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await ended
    },
  }
}
