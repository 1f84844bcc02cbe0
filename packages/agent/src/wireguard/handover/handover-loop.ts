import { type Clock, describeError, type Log } from '@plexd/runtime'
import { startTask } from '../../process/task.ts'
import { createTrigger } from '../../process/trigger.ts'
import { type Handover, isWaiting, pauseAt } from './handover.ts'

/** Completes handovers as soon as their peers use the new key. */
export interface HandoverLoop extends AsyncDisposable {
  /** A handover was added. */
  wake(): void
}

const idleMs = 24 * 3_600_000
/** Removing an old key is not urgent. */
const endingMs = 100

export function startHandoverLoop(deps: {
  pending(): readonly Handover[]
  /** Advances the handovers that are due. */
  advance(): Promise<void>
  clock: Clock
  log: Log
}): HandoverLoop {
  const { pending, advance, clock, log } = deps
  const trigger = createTrigger(clock)

  async function run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const startedMs = clock.monotonic()
      const failed = await advance().then(
        () => false,
        (error: unknown) => {
          log.warn('handover to a new key waits', { error: describeError(error) })
          return true
        },
      )
      await trigger.wait(failed ? 5_000 : pauseMs(clock.monotonic() - startedMs), signal)
    }
  }

  /** At most half of the time is spent checking, however long a check takes. */
  function pauseMs(lookMs: number): number {
    if (pending().length === 0) return idleMs
    const waiting = pending().filter(isWaiting)
    if (waiting.length === 0) return endingMs
    const bootMs = clock.boot()
    return Math.max(lookMs, Math.min(...waiting.map((one) => pauseAt(bootMs - one.started_ms))))
  }

  const task = startTask(run)
  return { wake: trigger.fire, [Symbol.asyncDispose]: () => task[Symbol.asyncDispose]() }
}
