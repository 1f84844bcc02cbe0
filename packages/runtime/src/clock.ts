import { setTimeout as delay } from 'node:timers/promises'

/** Time, passed in so that a test can turn it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : {}),
}

export interface FakeClock extends Clock {
  /** Moves time forward, waking sleepers in order and letting what they do settle. */
  advance(ms: number): Promise<void>
  /** How many sleep at the moment. */
  sleepers(): number
}

export function createFakeClock(startMs = Date.UTC(2025, 0, 15, 10, 30)): FakeClock {
  let nowMs = startMs
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

  async function advance(ms: number): Promise<void> {
    const endMs = nowMs + ms
    await settle()
    for (;;) {
      const next = sleeping.toSorted((a, b) => a.wakeAt - b.wakeAt)[0]
      if (!next || next.wakeAt > endMs) break
      nowMs = next.wakeAt
      sleeping = sleeping.filter((other) => other !== next)
      next.wake()
      await settle()
    }
    nowMs = endMs
  }

  return { now: () => nowMs, sleep, advance, sleepers: () => sleeping.length }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
}
