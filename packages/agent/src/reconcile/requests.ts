import type { Clock } from '@plexd/runtime'
import { createTrigger } from '../process/trigger.ts'

/** Triggers early reconciliations. Exists before the loop does: earlier requests are handled first. */
export interface ReconcileRequests extends Disposable {
  /**
   * Soon, or at a random moment within `withinMs`; requests until then are merged. `whole`: unconditional, ignoring our
   * revision.
   */
  ask(options?: { whole?: boolean; withinMs?: number | undefined }): void
  /** Whether an unconditional pull was requested since the last call. */
  takeWhole(): boolean
  /** Resolves on a request, or after `ms`; rejects with the signal's reason. */
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
      else fireLater(random() * withinMs).catch(() => {}) // stopped
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
