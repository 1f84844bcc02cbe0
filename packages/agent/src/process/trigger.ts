import type { Clock } from '@plexd/runtime'

/** Wakes a loop early. A call of `fire` while the loop is busy is remembered; several count once. */
export interface Trigger {
  fire(): void
  /** Resolves to true when fired, to false after `ms`; rejects with the signal's reason. */
  wait(ms: number, signal: AbortSignal): Promise<boolean>
}

export function createTrigger(clock: Clock): Trigger {
  let fired = Promise.withResolvers<true>()

  return {
    fire: () => fired.resolve(true),
    async wait(ms, signal) {
      const waiting = new AbortController()
      const time = clock
        .sleep(ms, AbortSignal.any([signal, waiting.signal]))
        .then(() => false as const)
      try {
        const woken = await Promise.race([fired.promise, time])
        if (woken) fired = Promise.withResolvers<true>()
        return woken
      } finally {
        waiting.abort()
        time.catch(() => {}) // the abort just above
      }
    },
  }
}
