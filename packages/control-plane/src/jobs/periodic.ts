import { type Clock, describeError, type Log } from '@plexd/runtime'

export interface Job {
  name: string
  everyMs: number
  /** The signal says that it is no longer wanted. */
  run: (signal: AbortSignal) => Promise<void>
}

/**
 * Runs a job repeatedly, never twice at once. Failures are logged, and the job continues. Jobs are due at multiples of their periods,
 * so that one wakeup serves those of a second: each that slept for itself made five to seven a second of an idle control plane.
 */
export function startPeriodic(
  { name, everyMs, run }: Job,
  { clock, log }: { clock: Pick<Clock, 'every'>; log: Log },
): AsyncDisposable {
  const stop = new AbortController()
  let running: Promise<void> | undefined

  async function runOnce(): Promise<void> {
    try {
      await run(stop.signal)
    } catch (error) {
      log.error('job failed', { job: name, error: describeError(error) })
    }
  }

  const ticking = clock.every(everyMs, () => {
    running ??= runOnce().finally(() => {
      running = undefined
    })
  })
  return {
    async [Symbol.asyncDispose]() {
      ticking[Symbol.dispose]()
      stop.abort()
      await running
    },
  }
}
