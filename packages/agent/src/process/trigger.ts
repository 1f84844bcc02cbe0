import type { Clock } from '@plexd/runtime'

/** Wakes a loop early. A call of `fire` while the loop is busy is remembered; several count once. One loop at a time waits. */
export interface Trigger {
  fire(): void
  /** Resolves to true when fired, to false after `ms`; rejects with the signal's reason. */
  wait(ms: number, signal: AbortSignal): Promise<boolean>
}

export function createTrigger(clock: Pick<Clock, 'sleep'>): Trigger {
  let isFired = false
  // Not a promise that waits race against: each that ends otherwise would stay with it in memory.
  let wake: (() => void) | undefined

  return {
    fire() {
      isFired = true
      wake?.()
    },
    async wait(ms, signal) {
      const fired = new AbortController()
      wake = () => fired.abort()
      try {
        if (!isFired) await clock.sleep(ms, AbortSignal.any([signal, fired.signal]))
      } catch (error) {
        if (!fired.signal.aborted || signal.aborted) throw error
      } finally {
        wake = undefined
      }
      const woken = isFired
      isFired = false
      return woken
    },
  }
}
