import { uptime } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

/** Time, passed in so that a test can turn it. */
export interface Clock {
  /** Milliseconds since 1970, as people have it: for what is shown, stored or sent. It is set, and jumps. */
  now(): number
  /** Milliseconds since some moment of this process: for how long something took. Whoever sets the clock changes nothing of it. */
  monotonic(): number
  /**
   * Milliseconds since the machine started, the same for all its processes, to 10 ms. It goes on while the machine is
   * suspended, and nobody sets it.
   */
  boot(): number
  /** Resolves after `ms`, however many those are, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls each `ms` until disposed of. */
  every(ms: number, call: () => void): Disposable
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  // From /proc/uptime, or where that cannot be opened from the clock behind it.
  boot: () => uptime() * 1_000,
  async sleep(ms, signal) {
    for (const part of sleepsOf(ms)) await delay(part, undefined, signal ? { signal } : {})
  },
  every(ms, call) {
    const ticker = tickers.getOrInsertComputed(ms, createTicker)
    return ticker.add(call)
  },
}

/** What a timer of Node holds; one that is to take longer fires at once. */
export const longestTimerMs = 2 ** 31 - 1

/** The sleeps that are together as long. */
export function* sleepsOf(ms: number): Generator<number> {
  let leftMs = ms
  for (; leftMs > longestTimerMs; leftMs -= longestTimerMs) yield longestTimerMs
  yield leftMs
}

/** Interval in ms -> what calls so often. */
const tickers = new Map<number, Ticker>()

interface Ticker {
  add(call: () => void): Disposable
}

/**
 * All that is called equally often shares one timer: to wake up costs Node 0.2 ms, which is many times what a look at
 * a socket does.
 */
function createTicker(ms: number): Ticker {
  const calls = new Set<() => void>()
  let timer: NodeJS.Timeout | undefined

  function tick(): void {
    for (const call of calls) call()
  }

  return {
    add(call) {
      const own = (): void => call() // the same function may be there twice
      calls.add(own)
      timer ??= setInterval(tick, ms)
      return {
        [Symbol.dispose]() {
          calls.delete(own)
          if (calls.size > 0) return
          clearInterval(timer)
          timer = undefined
        },
      }
    },
  }
}

export interface FakeClock extends Clock {
  /** Moves time forward, waking sleepers in order and letting what they do settle. */
  advance(ms: number): Promise<void>
  /** Sets the clock: nobody sleeps longer or shorter for it. */
  step(ms: number): void
  /** Time passes, and nothing of ours runs: the process was stopped, or its machine suspended. */
  stall(ms: number): void
  /** The machine sleeps: its clocks go on, but for the one of those who run. */
  suspend(ms: number): void
  /** How many sleep at the moment. */
  sleepers(): number
}

export function createFakeClock(startMs = Date.UTC(2025, 0, 15, 10, 30)): FakeClock {
  let nowMs = startMs
  let steppedMs = 0
  let suspendedMs = 0
  let sleeping: { wakeAt: number; wake: () => void }[] = []

  async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const sleeper = { wakeAt: nowMs + ms, wake: resolve }
    sleeping.push(sleeper)
    const abort = (): void => {
      sleeping = sleeping.filter((other) => other !== sleeper)
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
    await promise.finally(() => signal?.removeEventListener('abort', abort))
  }

  function every(ms: number, call: () => void): Disposable {
    const sleeper = { wakeAt: nowMs + ms, wake }
    function wake(): void {
      sleeper.wakeAt += ms
      sleeping.push(sleeper)
      call()
    }
    sleeping.push(sleeper)
    return {
      [Symbol.dispose]() {
        sleeping = sleeping.filter((other) => other !== sleeper)
      },
    }
  }

  async function advance(ms: number): Promise<void> {
    const endMs = nowMs + ms
    await settle()
    for (;;) {
      const next = sleeping.toSorted((a, b) => a.wakeAt - b.wakeAt)[0]
      if (!next || next.wakeAt > endMs) break
      nowMs = Math.max(nowMs, next.wakeAt)
      sleeping = sleeping.filter((other) => other !== next)
      next.wake()
      await settle()
    }
    nowMs = Math.max(nowMs, endMs)
  }

  return {
    now: () => nowMs + steppedMs + suspendedMs,
    monotonic: () => nowMs - startMs,
    boot: () => nowMs - startMs + suspendedMs,
    sleep,
    every,
    advance,
    step(ms) {
      steppedMs += ms
    },
    stall(ms) {
      nowMs += ms
    },
    suspend(ms) {
      suspendedMs += ms
    },
    sleepers: () => sleeping.length,
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
}
