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
