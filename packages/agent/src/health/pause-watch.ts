import type { Clock, Log } from '@plexd/runtime'
import { startTask } from '../process/task.ts'

export interface PauseWatchOptions {
  /** The machine was suspended or this process was stopped, so connections may be dead. */
  onPause(): void
  /** The clock was set, so expiry times may have passed, or not yet. */
  onClockSet(): void
  clock: Pick<Clock, 'now' | 'boot' | 'sleep'>
  log: Pick<Log, 'info' | 'warn'>
}

const lookEachMs = 5_000
/** More than the delay on a busy machine, and less than servers keep a silent connection. */
const pausedMs = 20_000
/** NTP slews smaller differences. */
const setMs = 5_000

/** Compares three clocks: the one we sleep by, the one that also runs during suspend, and the wall clock. */
export function startPauseWatch({
  onPause,
  onClockSet,
  clock,
  log,
}: PauseWatchOptions): AsyncDisposable {
  return startTask(async (signal) => {
    for (;;) {
      const [startMs, startedAt] = [clock.boot(), clock.now()]
      await clock.sleep(lookEachMs, signal)
      const passedMs = clock.boot() - startMs
      const steppedMs = clock.now() - startedAt - passedMs
      if (passedMs > lookEachMs + pausedMs) {
        log.info('nothing ran for a while: connections are made anew', {
          paused_seconds: Math.round((passedMs - lookEachMs) / 1_000),
        })
        onPause()
      }
      if (Math.abs(steppedMs) > setMs) {
        log.warn('the clock was set', { by_seconds: Math.round(steppedMs / 1_000) })
        onClockSet()
      }
    }
  })
}
