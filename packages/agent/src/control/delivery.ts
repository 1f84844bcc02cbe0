import { type Clock, createBackoff, type Log } from '@plexd/runtime'
import { startTask } from '../process/task.ts'
import { createTrigger } from '../process/trigger.ts'
import { createRounds, type Failure, type Outgoing } from './delivery-rounds.ts'
import { createRetryDelay } from './retry-delay.ts'

export interface Delivery extends AsyncDisposable {
  /** The control plane is back: retry now, ignoring the backoff. */
  wake(): void
  /** There is something new. If the control plane cannot be reached, it waits for the next retry. */
  added(): void
  /** How many items were dropped since the start, because the control plane will never accept them. */
  refused(): number
}

export interface DeliveryDeps {
  describe(error: unknown): string
  clock: Clock
  log: Log
}

export interface DeliveryOptions extends DeliveryDeps {
  /** The longest delay between retries; 5 min. */
  maxDelayMs?: number
  /** How long disposing may take to send the rest; by default it does not try. */
  flushMs?: number
  random?: (() => number) | undefined
}

/** With nothing to send: when to check again if nobody wakes the loop. */
const idleMs = 10 * 60_000

/**
 * Sends what waits until the control plane has accepted it. Backoff from 1 s to 5 min, reset when woken. An item that will never be
 * accepted is dropped with a warning; one that fails for now does not hold up the others.
 */
export function startDelivery<Item>(outgoing: Outgoing<Item>, options: DeliveryOptions): Delivery {
  const { clock, log, maxDelayMs = 5 * 60_000, flushMs, random } = options
  const trigger = createTrigger(clock)
  const usual = createBackoff({ minMs: 1_000, maxMs: maxDelayMs, ...(random && { random }) })
  const retryDelay = createRetryDelay({ usual, random })
  const rounds = createRounds(outgoing, options)
  let retryAtMs = 0
  let isBack = false

  async function run(signal: AbortSignal): Promise<void> {
    for (let isFresh = true; ; ) {
      await outgoing.begin?.(isFresh, signal)
      isFresh = await rest(await rounds.run(signal), signal)
    }
  }

  /** One attempt at what is left. */
  async function flush(withinMs: number): Promise<void> {
    const deadline = new AbortController()
    const waiting = new AbortController()
    const inTime = sendOnce(deadline.signal).finally(() => waiting.abort())
    await clock.sleep(withinMs, waiting.signal).catch(() => {}) // aborted when everything is sent
    deadline.abort()
    await inTime.catch((error: unknown) =>
      log.info('some is left for the next start', { what: outgoing.name, error }),
    )
  }

  async function sendOnce(signal: AbortSignal): Promise<void> {
    await outgoing.begin?.(false, signal)
    await rounds.run(signal)
  }

  /** Waits for the next round; resolves to whether that is a fresh one. */
  async function rest(failure: Failure | undefined, signal: AbortSignal): Promise<boolean> {
    const isRetry = failure !== undefined || rounds.hasPassed()
    // Who has much to send may be told to wait after each part of it: that is no longer each time.
    const hasSent = rounds.takeHasSent()
    if (!isRetry || (hasSent && failure?.isOfAll)) retryDelay.reset()
    if (failure) retryAtMs = clock.monotonic() + retryDelay.nextMs(failure.error)
    const untilMs = isRetry ? retryAtMs : clock.monotonic() + idleMs
    for (;;) {
      const woken = await trigger.wait(Math.max(0, untilMs - clock.monotonic()), signal)
      if (isBack || !woken) {
        if (isBack) retryDelay.reset()
        isBack = false
        rounds.retryAll()
        return !isRetry
      }
      // What is new may get through beside what was passed by.
      if (!failure?.isOfAll) return true
    }
  }

  const task = startTask(run)
  return {
    wake() {
      isBack = true
      trigger.fire()
    },
    added: trigger.fire,
    refused: rounds.refused,
    async [Symbol.asyncDispose]() {
      await task[Symbol.asyncDispose]()
      if (flushMs !== undefined) await flush(flushMs)
    },
  }
}
