import type { Clock, Log } from '@plexd/runtime'
import { startTask } from '../process/task.ts'

export interface PauseWatchOptions {
  /** The machine was suspended, or this process was stopped: whoever it talked to may have given up, or be elsewhere. */
  onPause(): void
  /** Somebody has set the clock: what expires by it may have expired, or not yet. */
  onClockSet(): void
  clock: Pick<Clock, 'now' | 'boot' | 'sleep'>
  log: Pick<Log, 'info' | 'warn'>
}

const lookEachMs = 5_000
/** A busy machine lets a process wait for seconds; servers keep a silent connection for longer than this. */
const pausedMs = 20_000
/** NTP slews what is less. */
const setMs = 5_000

/** Looks at the clock that goes on while the machine sleeps, and at the one that is set, beside the one that we sleep by. */
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
