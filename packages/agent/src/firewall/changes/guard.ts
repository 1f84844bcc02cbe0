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
 * reason to leave it away for longer. Pauses grow only while it cannot be put right.
 */
export function startFirewallGuard(options: FirewallGuardOptions): AsyncDisposable {
  const { socket, isOurs, isBackstopLost, foreign, look, clock, log } = options
  const trigger = createTrigger(clock)
  const backoff = createBackoff({ minMs: 200, maxMs: 5_000 })

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
      return intervalMs
    } catch (error) {
      log.warn('firewall cannot be put right, will retry', { error: describeError(error) })
      trigger.fire()
      return backoff.nextMs()
    }
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
    if (isBackstopLost()) trigger.fire()
  })
  return {
    async [Symbol.asyncDispose]() {
      ticking[Symbol.dispose]()
      watch[Symbol.dispose]()
      await task[Symbol.asyncDispose]()
    },
  }
}
