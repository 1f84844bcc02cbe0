import { type Clock, createBackoff, type Log } from '@plexd/runtime'
import { startTask } from '../process/task.ts'
import { createTrigger } from '../process/trigger.ts'
import { createRetryDelay } from './retry-delay.ts'
import { judgeFailure, type Verdict } from './verdict.ts'

/** What waits for the control plane, as the loop that sends it sees it. */
export interface Outgoing<Item> {
  /** For logs: what is sent. */
  name: string
  /** Before each round; a `fresh` one does not come after a failure, and may be held back here. */
  begin?(isFresh: boolean, signal: AbortSignal): Promise<void>
  /** The oldest items that are sent together; empty, or only of ids in `passed`, if the round is over. */
  next(passed: ReadonlySet<unknown>): readonly Item[] | Promise<readonly Item[]>
  /** The same each time that the item is read. */
  idOf(item: Item): unknown
  send(items: readonly Item[], signal: AbortSignal): Promise<unknown>
  /** Notes durably that the items have arrived, or never will. */
  remove(items: readonly Item[]): Promise<void> | void
  judge?(items: readonly Item[], error: unknown): Verdict
  /** In place of dropping items that were refused. */
  refuse?(items: readonly Item[], error: unknown): Promise<void>
  /** Called when items were refused and are dropped. */
  onRefused?(items: readonly Item[], error: unknown): void
}

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
export function startDelivery<Item>(
  outgoing: Outgoing<Item>,
  { clock, log, describe, maxDelayMs = 5 * 60_000, flushMs, random }: DeliveryOptions,
): Delivery {
  const { name, judge = (items, error) => judgeFailure(items.length, error) } = outgoing
  const trigger = createTrigger(clock)
  const usual = createBackoff({ minMs: 1_000, maxMs: maxDelayMs, ...(random && { random }) })
  const retryDelay = createRetryDelay({ usual, random })
  /** Those that failed, until the next retry. */
  const passed = new Set<unknown>()
  let retryAtMs = 0
  let isBack = false
  /** Whether anything got through since the last wait. */
  let hasSent = false
  let refused = 0

  async function run(signal: AbortSignal): Promise<void> {
    for (let isFresh = true; ; ) {
      await outgoing.begin?.(isFresh, signal)
      isFresh = await rest(await round(signal), signal)
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
      log.info('some is left for the next start', { what: name, error }),
    )
  }

  async function sendOnce(signal: AbortSignal): Promise<void> {
    await outgoing.begin?.(false, signal)
    await round(signal)
  }

  /** Resolves to the failure because of which the rest has to wait, if any. */
  async function round(signal: AbortSignal): Promise<Failure | undefined> {
    let last: Failure | undefined
    for (;;) {
      const items = await nextItems(signal)
      if ('error' in items) return items
      signal.throwIfAborted()
      if (items.length === 0) return last
      const failure = await deliver(items, signal)
      if (failure?.isOfAll) return failure
      last = failure ?? last
    }
  }

  async function nextItems(signal: AbortSignal): Promise<readonly Item[] | Failure> {
    try {
      const items = await outgoing.next(passed)
      return items.filter((item) => !passed.has(outgoing.idOf(item)))
    } catch (error) {
      signal.throwIfAborted()
      log.error('what waits for the control plane cannot be read', { what: name, error })
      return { error, isOfAll: true }
    }
  }

  async function deliver(
    items: readonly Item[],
    signal: AbortSignal,
  ): Promise<Failure | undefined> {
    try {
      await outgoing.send(items, signal)
    } catch (error) {
      signal.throwIfAborted()
      return handle(items, error, signal)
    }
    hasSent = true
    return remove(items)
  }

  async function handle(
    items: readonly Item[],
    error: unknown,
    signal: AbortSignal,
  ): Promise<Failure | undefined> {
    const verdict = judge(items, error)
    if (verdict === 'halve') {
      const half = Math.ceil(items.length / 2)
      const first = await deliver(items.slice(0, half), signal)
      return first?.isOfAll ? first : ((await deliver(items.slice(half), signal)) ?? first)
    }
    if (verdict === 'refuse') return refuse(items, error)
    log.warn('delivery failed, will retry', { what: name, error: describe(error) })
    if (verdict === 'pass') pass(items)
    return { error, isOfAll: verdict === 'stop' }
  }

  async function refuse(items: readonly Item[], error: unknown): Promise<Failure | undefined> {
    if (outgoing.refuse) {
      await outgoing.refuse(items, error)
      return undefined
    }
    log.warn('delivery refused, dropping it', { what: name, error: describe(error) })
    refused += items.length
    outgoing.onRefused?.(items, error)
    return remove(items)
  }

  async function remove(items: readonly Item[]): Promise<Failure | undefined> {
    try {
      await outgoing.remove(items)
      return undefined
    } catch (error) {
      // It will be sent again, which is safe.
      log.error('delivery cannot be noted on the disk', { what: name, error })
      pass(items)
      return { error, isOfAll: false }
    }
  }

  function pass(items: readonly Item[]): void {
    for (const item of items) passed.add(outgoing.idOf(item))
  }

  /** Waits for the next round; resolves to whether that is a fresh one. */
  async function rest(failure: Failure | undefined, signal: AbortSignal): Promise<boolean> {
    const isRetry = failure !== undefined || passed.size > 0
    // Who has much to send may be told to wait after each part of it: that is no longer each time.
    if (!isRetry || (hasSent && failure?.isOfAll)) retryDelay.reset()
    hasSent = false
    if (failure) retryAtMs = clock.monotonic() + retryDelay.nextMs(failure.error)
    const untilMs = isRetry ? retryAtMs : clock.monotonic() + idleMs
    for (;;) {
      const woken = await trigger.wait(Math.max(0, untilMs - clock.monotonic()), signal)
      if (isBack || !woken) {
        if (isBack) retryDelay.reset()
        isBack = false
        passed.clear()
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
    refused: () => refused,
    async [Symbol.asyncDispose]() {
      await task[Symbol.asyncDispose]()
      if (flushMs !== undefined) await flush(flushMs)
    },
  }
}

/** A failed request. */
interface Failure {
  error: unknown
  /** Whether any other would fail too. */
  isOfAll: boolean
}
