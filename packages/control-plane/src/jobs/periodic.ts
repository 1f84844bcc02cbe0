import { type Clock, describeError, type Log } from '@plexd/runtime'

export interface Job {
  name: string
  everyMs: number
  /** The signal says that it is no longer wanted. */
  run: (signal: AbortSignal) => Promise<void>
}

/**
 * Runs a job repeatedly, never twice at once. A failure is logged once, however often it repeats itself, and the job continues.
 * Jobs are due at multiples of their periods, so that one wakeup serves those of a second: each that slept for itself made five to seven
 * a second of an idle control plane.
 */
export function startPeriodic(
  { name, everyMs, run }: Job,
  { clock, log }: { clock: Pick<Clock, 'every'>; log: Log },
): AsyncDisposable {
  const stop = new AbortController()
  let running: Promise<void> | undefined
  let failure: string | undefined

  /** Resolves to why it failed. */
  async function attempt(): Promise<string | undefined> {
    try {
      await run(stop.signal)
      return undefined
    } catch (error) {
      return describeError(error)
    }
  }

  async function runOnce(): Promise<void> {
    const before = failure
    failure = await attempt()
    if (failure === before) return
    if (failure === undefined) log.info('job works again', { job: name })
    else log.error('job failed', { job: name, error: failure })
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
