import { type Clock, createBackoff, describeError, type Log } from '@plexd/runtime'
import { startTask } from '../../process/task.ts'
import { createTrigger } from '../../process/trigger.ts'
import type { ChangeSocket } from './change-socket.ts'
import type { ForeignChanges } from './foreign-changes.ts'
import { startTableWatch } from './table-watch.ts'

export interface FirewallGuardOptions {
  socket: ChangeSocket
  isOurs: (processId: number) => boolean
  /** Whether what stands behind the table has ended. Asked often. */
  isBackstopLost(): boolean
  foreign: ForeignChanges
  /** Looks at table and backstop, and puts right what differs; rejects when it cannot. */
  look(): Promise<unknown>
  clock: Clock
  log: Log
}

/** As often as the table is looked at; a look and the repair take about as long. */
const intervalMs = 100
const checkMs = 10_000

/**
 * Has the table looked at when somebody else has changed it, at once each time: how often somebody else does so is no
 * reason to leave it away for longer. Pauses grow only while it cannot be put right, and for the backstop alone while that
 * cannot be started again: it costs several runs of nft to try.
 */
export function startFirewallGuard(options: FirewallGuardOptions): AsyncDisposable {
  const { socket, isOurs, isBackstopLost, foreign, look, clock, log } = options
  const trigger = createTrigger(clock)
  const backoff = createBackoff({ minMs: 200, maxMs: 5_000 })
  const backstopBackoff = createBackoff({ minMs: 200, maxMs: 60_000 })
  /** When a backstop that could not be started again is looked at once more. */
  let backstopDueMs = clock.monotonic()

  const task = startTask(async (signal) => {
    for (;;) {
      const isDue = await trigger.wait(checkMs, signal)
      foreign.check()
      if (isDue) await clock.sleep(await lookOnce(), signal)
    }
  })

  /** Resolves to how long the next look has to wait. */
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
    tables: ['plexd'],
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
