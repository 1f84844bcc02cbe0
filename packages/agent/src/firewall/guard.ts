import { type Clock, createBackoff, describeError, type Log } from '@plexd/runtime'
import { startTask } from '../task.ts'
import { createTrigger } from '../trigger.ts'
import type { ChangeSocket } from './change-socket.ts'
import { startTableWatch } from './table-watch.ts'

export interface FirewallGuardOptions {
  socket: ChangeSocket
  isOurs: (processId: number) => boolean
  /** Looks at the table and puts right what differs; rejects when it cannot. */
  look(): Promise<unknown>
  clock: Clock
  log: Log
}

/** So long after the last change by others the next is a new matter, and not part of a fight. */
const calmMs = 10_000

/**
 * Has the table looked at when somebody else has changed it: at once the first time, and with growing pauses while
 * somebody keeps changing it, or while it cannot be put right.
 */
export function startFirewallGuard(options: FirewallGuardOptions): AsyncDisposable {
  const { socket, isOurs, look, clock, log } = options
  const trigger = createTrigger(clock)
  const backoff = createBackoff({ minMs: 200, maxMs: 60_000 })

  const task = startTask(async (signal) => {
    for (;;) {
      if (!(await trigger.wait(calmMs, signal))) {
        backoff.reset()
        continue
      }
      try {
        await look()
      } catch (error) {
        log.warn('firewall cannot be put right, will retry', { error: describeError(error) })
        trigger.fire()
      }
      await clock.sleep(backoff.nextMs(), signal)
    }
  })
  const watch = startTableWatch({
    socket,
    tables: ['plexd'],
    isOurs,
    onChange: trigger.fire,
    clock,
  })
  return {
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]()
      await task[Symbol.asyncDispose]()
    },
  }
}
