import type { Clock } from '@plexd/runtime'

/**
 * Runs a loop until it is disposed of; disposing resolves when the loop has ended. Only the signal ends it: any other
 * failure is a bug, and stays unhandled so that the process crashes.
 */
export function startTask(loop: (signal: AbortSignal) => Promise<void>): AsyncDisposable {
  const controller = new AbortController()
  const done = loop(controller.signal).catch((error: unknown) => {
    if (!controller.signal.aborted) throw error
  })
  return {
    async [Symbol.asyncDispose]() {
      controller.abort()
      await done
    },
  }
}

/**
 * The same for what is done at each interval, unless it is still being done then. It wakes the process together with all that is
 * called at intervals (`Clock.every`), where a loop that sleeps wakes it for itself.
 */
export function startRounds(
  { clock, ms }: { clock: Pick<Clock, 'every'>; ms: number },
  round: (signal: AbortSignal) => Promise<void>,
): AsyncDisposable {
  let running: AsyncDisposable | undefined
  const ticking = clock.every(ms, () => {
    running ??= startTask(async (signal) => {
      await round(signal)
      running = undefined
    })
  })
  return {
    async [Symbol.asyncDispose]() {
      ticking[Symbol.dispose]()
      await running?.[Symbol.asyncDispose]()
    },
  }
}
