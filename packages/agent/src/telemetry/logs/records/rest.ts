import type { Clock } from '@plexd/runtime'

/** A program that writes without end has at most a third of a processor read it: the rest waits where it was written. */
const pauseShare = 2
/** What takes less is the usual, and no flood. */
const minPauseMs = 2

/** Pauses after a part that took so long to read. */
export async function restAfter(
  tookMs: number,
  clock: Pick<Clock, 'sleep'>,
  signal: AbortSignal,
): Promise<void> {
  if (tookMs >= minPauseMs) await clock.sleep(tookMs * pauseShare, signal)
}
