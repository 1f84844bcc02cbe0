import { type Clock, createBackoff, describeError, type Log } from '@plexd/runtime'
import { startTask } from '../task.ts'
import { createTrigger } from '../trigger.ts'
import { startNetworkMonitor } from './network-monitor.ts'

export interface InterfaceWatchOptions {
  interfaceName: string
  /** Looks at the interface and corrects it; rejects when it cannot. */
  look(): Promise<unknown>
  /** Called when a look is due: what was seen before is of the past. */
  onChange(): void
  /** Whether somebody else has spoken to WireGuard; undefined where only a look can tell. */
  isDisturbed(): Promise<boolean | undefined>
  /** The machine has other addresses, or another way out, than before. */
  onMove(): void
  clock: Clock
  log: Log
}

/** Between two questions whether somebody was there. */
const askEachMs = 100
/** Where only looking tells, it may cost this share of the time. */
const lookShare = 1 / 200
const soonestMs = 250
const longestMs = 60_000

/**
 * Has the interface looked at when somebody else may have changed it: when the network says that its link, addresses
 * or routes changed, or when somebody spoke to WireGuard. The kernel's WireGuard tells nobody of a changed peer, so
 * there it is looked at every now and then.
 */
export function startInterfaceWatch(options: InterfaceWatchOptions): AsyncDisposable {
  const { look, isDisturbed, clock, log } = options
  const trigger = createTrigger(clock)
  const backoff = createBackoff({ minMs: 1_000, maxMs: longestMs })
  let sinceLookMs = 0
  let lookMs = 0

  async function run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const woken = await trigger.wait(askEachMs, signal)
      const isTime = woken || (await isDue())
      if (isTime) options.onChange()
      if (isTime) await lookOnce(signal)
      else sinceLookMs += askEachMs
    }
  }

  async function isDue(): Promise<boolean> {
    const dueMs = Math.min(Math.max(lookMs / lookShare, soonestMs), longestMs)
    return (await isDisturbed()) ?? sinceLookMs >= dueMs
  }

  async function lookOnce(signal: AbortSignal): Promise<void> {
    const startedMs = performance.now()
    const failure = await look().then(
      () => undefined,
      (error: unknown) => error,
    )
    lookMs = performance.now() - startedMs
    sinceLookMs = 0
    if (failure === undefined) return backoff.reset()
    const waitMs = backoff.nextMs()
    log.warn('interface cannot be corrected, will retry', {
      error: describeError(failure),
      retry_in_ms: Math.round(waitMs),
    })
    await clock.sleep(waitMs, signal)
    trigger.fire()
  }

  const task = startTask(run)
  const monitor = startNetworkMonitor({
    ...options,
    onChange() {
      options.onChange()
      trigger.fire()
    },
  })
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all([task[Symbol.asyncDispose](), monitor[Symbol.asyncDispose]()])
    },
  }
}
