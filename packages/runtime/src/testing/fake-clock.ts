import type { Clock } from '../time/clock.ts'

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
