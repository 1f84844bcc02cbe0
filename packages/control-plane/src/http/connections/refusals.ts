import type { Clock, Log } from '@plexd/runtime'
import type { Refusal } from './admission.ts'

const tellEachMs = 60_000

/** Logs, at most once a minute, that connections are being closed, and how many since the last time. */
export function refusalTeller({
  clock,
  log,
}: {
  clock: Pick<Clock, 'monotonic'>
  log: Log
}): (reason: Refusal) => void {
  let counts: Partial<Record<Refusal, number>> = {}
  let toldMs = Number.NEGATIVE_INFINITY
  return (reason) => {
    counts[reason] = (counts[reason] ?? 0) + 1
    if (clock.monotonic() - toldMs < tellEachMs) return
    toldMs = clock.monotonic()
    log.warn('connections closed without an answer', counts)
    counts = {}
  }
}
