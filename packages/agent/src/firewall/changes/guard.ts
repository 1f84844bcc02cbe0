import { type Clock, createBackoff, describeError, type Log } from '@plexd/runtime'
import { startTask } from '../../process/task.ts'
import { createTrigger } from '../../process/trigger.ts'
import type { ForeignChanges } from './foreign-changes.ts'
import { startTableWatch, type TableWatchOptions } from './table-watch.ts'

export interface FirewallGuardOptions extends Omit<TableWatchOptions, 'onChange'> {
  /** Whether the backstop has ended. */
  isBackstopLost(): boolean
  /** Calls back when it ends; returns the function that stops that. */
  onBackstopEnd(listener: () => void): () => void
  foreign: ForeignChanges
  /** Checks table and backstop, and repairs differences; rejects if it cannot. */
  look(): Promise<unknown>
  clock: Clock
  log: Log
}

/** Between two checks; a check and the repair take about as long. */
const pauseMs = 100
const checkMs = 10_000

/**
 * Checks the table immediately whenever another program has changed it, however often: repeated
 * interference is no reason to leave it unrepaired for longer. Backs off only while the repair fails, and for the backstop alone while
 * that cannot be restarted, because each attempt costs several runs of nft.
 */
export function startFirewallGuard(options: FirewallGuardOptions): AsyncDisposable {
  const { isBackstopLost, foreign, look, clock, log } = options
  const trigger = createTrigger(clock)
  const backoff = createBackoff({ minMs: 200, maxMs: 5_000 })
  const backstopBackoff = createBackoff({ minMs: 200, maxMs: 60_000 })
  /** When to try a failed backstop again. */
  let backstopDueMs = clock.monotonic()

  const task = startTask(async (signal) => {
    for (;;) {
      const isFired = await trigger.wait(Math.min(checkMs, untilBackstopMs()), signal)
      foreign.check()
      if (isFired || untilBackstopMs() === 0) await clock.sleep(await lookOnce(), signal)
    }
  })

  /** Until the backstop is to be started again. */
  function untilBackstopMs(): number {
    return isBackstopLost() ? Math.max(0, Math.ceil(backstopDueMs - clock.monotonic())) : Infinity
  }

  /** Resolves to the time until the next check. */
  async function lookOnce(): Promise<number> {
    try {
      await look()
      backoff.reset()
      paceBackstop()
      return pauseMs
    } catch (error) {
      log.warn('firewall cannot be put right, will retry', { error: describeError(error) })
      trigger.fire()
      return backoff.nextMs()
    }
  }

  function paceBackstop(): void {
    if (!isBackstopLost()) backstopBackoff.reset()
    backstopDueMs = clock.monotonic() + (isBackstopLost() ? backstopBackoff.nextMs() : 0)
  }

  const watch = startTableWatch({
    ...options,
    onChange(author) {
      foreign.add(author)
      trigger.fire()
    },
  })
  const stopHearing = options.onBackstopEnd(trigger.fire)
  return {
    async [Symbol.asyncDispose]() {
      stopHearing()
      watch[Symbol.dispose]()
      await task[Symbol.asyncDispose]()
    },
  }
}
