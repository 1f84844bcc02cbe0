import type { Clock } from '@plexd/runtime'
import { createTrigger } from '../process/trigger.ts'

/** What makes the reconciler run before its time. It is there before the loop is: what is asked for meanwhile is done first. */
export interface ReconcileRequests extends Disposable {
  /**
   * Soon, or at a random moment within `withinMs`, and once for all that ask until then. `whole`: whatever revision we
   * have.
   */
  ask(options?: { whole?: boolean; withinMs?: number | undefined }): void
  /** Whether a whole state was asked for since the last call. */
  takeWhole(): boolean
  /** Resolves when somebody asks, or after `ms`; rejects with the signal's reason. */
  wait(ms: number, signal: AbortSignal): Promise<unknown>
}

export function createReconcileRequests(
  clock: Clock,
  random: () => number = Math.random,
): ReconcileRequests {
  const trigger = createTrigger(clock)
  const stopped = new AbortController()
  let whole = false

  async function fireLater(ms: number): Promise<void> {
    await clock.sleep(ms, stopped.signal)
    trigger.fire()
  }

  return {
    ask({ whole: isWhole = false, withinMs = 0 } = {}) {
      whole ||= isWhole
      if (withinMs === 0) trigger.fire()
      else fireLater(random() * withinMs).catch(() => {}) // it was stopped
    },
    takeWhole() {
      const wanted = whole
      whole = false
      return wanted
    },
    wait: trigger.wait,
    [Symbol.dispose]: () => stopped.abort(),
  }
}
