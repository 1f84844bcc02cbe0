import { createBackoff, describeError, type Log } from '@plexd/runtime'
import { startTask } from '../../process/task.ts'
import { createTrigger } from '../../process/trigger.ts'
import type { ForeignChanges } from './foreign-changes.ts'
import { startTableWatch, type TableWatchOptions } from './table-watch.ts'

export interface FirewallGuardOptions extends Omit<TableWatchOptions, 'onChange'> {
  /** Whether the backstop has ended. Called often. */
  isBackstopLost(): boolean
  foreign: ForeignChanges
  /** Checks table and backstop, and repairs differences; rejects if it cannot. */
  look(): Promise<unknown>
  log: Log
}

/** The poll interval; a check and the repair take about as long. */
const intervalMs = 100
const checkMs = 10_000

/**
 * Checks the table immediately whenever another program has changed it, however often: repeated
 * interference is no reason to leave it unrepaired for longer. Backs off only while the repair fails, and for the backstop alone while
 * that cannot be restarted, because each attempt costs several runs of nft.
 */
export function startFirewallGuard(options: FirewallGuardOptions): AsyncDisposable {
  const { socket, isOurs, isBackstopLost, foreign, look, clock, log } = options
  const trigger = createTrigger(clock)
  const backoff = createBackoff({ minMs: 200, maxMs: 5_000 })
  const backstopBackoff = createBackoff({ minMs: 200, maxMs: 60_000 })
  /** When to try a failed backstop again. */
  let backstopDueMs = clock.monotonic()

  const task = startTask(async (signal) => {
    for (;;) {
      const isDue = await trigger.wait(checkMs, signal)
      foreign.check()
      if (isDue) await clock.sleep(await lookOnce(), signal)
    }
  })

  /** Resolves to the time until the next check. */
  async function lookOnce(): Promise<number> {
    try {
      await look()
      backoff.reset()
      paceBackstop()
      return intervalMs
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
    socket,
    isOurs,
    onChange(author) {
      foreign.add(author)
      trigger.fire()
    },
    clock,
  })
  const ticking = clock.every(intervalMs, () => {
    if (isBackstopLost() && clock.monotonic() >= backstopDueMs) trigger.fire()
  })
  return {
    async [Symbol.asyncDispose]() {
      ticking[Symbol.dispose]()
      watch[Symbol.dispose]()
      await task[Symbol.asyncDispose]()
    },
  }
}
