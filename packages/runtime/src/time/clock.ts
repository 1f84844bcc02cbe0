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
  /** Calls every `ms` until disposed, for the first time within `ms`. */
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
    const tick: Tick = { ms, call, dueMs: nextDueMs(ms, performance.now()) }
    ticks.add(tick)
    arm()
    return {
      [Symbol.dispose]() {
        ticks.delete(tick)
        if (ticks.size === 0) disarm()
      },
    }
  },
}

/** The maximum of a Node timer; a longer one fires at once. */
export const longestTimerMs = 2 ** 31 - 1

/** Splits a long sleep into ones that a timer can hold; one until a moment that is past has no length. */
export function* sleepsOf(ms: number): Generator<number> {
  let leftMs = ms
  for (; leftMs > longestTimerMs; leftMs -= longestTimerMs) yield longestTimerMs
  yield Math.max(leftMs, 0)
}

/** A function that is called at intervals. */
interface Tick {
  ms: number
  call: () => void
  dueMs: number
}

/**
 * All of them share one timer, and are due at multiples of their intervals, so that what is called each second is called together with
 * what is called five times in it: a wakeup costs Node 0.2 ms, many times the cost of polling a socket.
 */
const ticks = new Set<Tick>()
let timer: NodeJS.Timeout | undefined
let armedMs = Number.POSITIVE_INFINITY

function nextDueMs(ms: number, nowMs: number): number {
  return (Math.floor(nowMs / ms) + 1) * ms
}

function arm(): void {
  const dueMs = Math.min(...ticks.values().map((tick) => tick.dueMs))
  if (dueMs >= armedMs) return
  disarm()
  armedMs = dueMs
  // It may be past by now, and further away than a timer can be: then it is armed again.
  timer = setTimeout(callDue, Math.min(Math.max(dueMs - performance.now(), 0), longestTimerMs))
}

function disarm(): void {
  clearTimeout(timer)
  armedMs = Number.POSITIVE_INFINITY
}

function callDue(): void {
  armedMs = Number.POSITIVE_INFINITY
  // Node's timers may be a millisecond early.
  const nowMs = performance.now() + 1
  const due = [...ticks].filter(({ dueMs }) => dueMs <= nowMs)
  for (const tick of due) tick.dueMs = nextDueMs(tick.ms, nowMs)
  if (ticks.size > 0) arm()
  for (const tick of due) if (ticks.has(tick)) tick.call()
}
