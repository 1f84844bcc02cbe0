import { uptime } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

/** Time, passed in so that tests can control it. */
export interface Clock {
  /** Wall-clock milliseconds since 1970, for times that are shown, stored or sent. It may be set and jump. */
  now(): number
  /** Milliseconds since some moment of this process, for measuring durations. Not affected by setting the wall clock. */
  monotonic(): number
  /**
   * Milliseconds since boot, the same for all processes of the machine, with a resolution of 10 ms. Continues during
   * suspend, and is not affected by setting the wall clock.
   */
  boot(): number
  /** Resolves after `ms`, which may exceed Node's timer limit, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls every `ms` until disposed. */
  every(ms: number, call: () => void): Disposable
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  // From /proc/uptime; if that cannot be opened, from the underlying clock.
  boot: () => uptime() * 1_000,
  async sleep(ms, signal) {
    for (const part of sleepsOf(ms)) await delay(part, undefined, signal ? { signal } : {})
  },
  every(ms, call) {
    const ticker = tickers.getOrInsertComputed(ms, createTicker)
    return ticker.add(call)
  },
}

/** The maximum of a Node timer; a longer one fires at once. */
export const longestTimerMs = 2 ** 31 - 1

/** Splits a long sleep into ones that a timer can hold. */
export function* sleepsOf(ms: number): Generator<number> {
  let leftMs = ms
  for (; leftMs > longestTimerMs; leftMs -= longestTimerMs) yield longestTimerMs
  yield leftMs
}

/** Interval in ms -> the functions called at that interval. */
const tickers = new Map<number, Ticker>()

interface Ticker {
  add(call: () => void): Disposable
}

/**
 * All functions with the same interval share one timer: a wakeup costs Node 0.2 ms, many times the cost of polling
 * a socket.
 */
function createTicker(ms: number): Ticker {
  const calls = new Set<() => void>()
  let timer: NodeJS.Timeout | undefined

  function tick(): void {
    for (const call of calls) call()
  }

  return {
    add(call) {
      const own = (): void => call() // a wrapper, because the same function may be registered twice
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
  /** Moves time forward, waking sleepers in order and letting their work settle. */
  advance(ms: number): Promise<void>
  /** Sets the wall clock; does not affect sleepers. */
  step(ms: number): void
  /** Time passes without any of our code running: the process was stopped, or the machine suspended. */
  stall(ms: number): void
  /** The machine is suspended: all clocks except the monotonic one advance. */
  suspend(ms: number): void
  /** Number of current sleepers. */
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
