import type { Clock } from '@plexd/runtime'

/**
 * Measures how long we have been listening: a node is not silent while we were stopped, suspended or too busy to hear it.
 * In milliseconds; not affected by setting the wall clock.
 */
export interface Listening {
  ms(): number
  /** The start from which silence counts: after a gap, every node has as long as after a restart. */
  sinceMs(): number
  /** Call this repeatedly, much more often than every `gapMs`. */
  beat(): void
}

/** A beat that is `gapMs` late is a gap. One that is less late counts as its nominal interval. */
export function createListening(
  clock: Pick<Clock, 'monotonic'>,
  { gapMs }: { gapMs: number },
): Listening {
  const maxBeatMs = gapMs / 2
  let listenedMs = 0
  let beatMs = clock.monotonic()
  let sinceMs = 0

  const elapsedMs = (): number => clock.monotonic() - beatMs
  const ms = (): number => listenedMs + Math.min(maxBeatMs, elapsedMs())
  return {
    ms,
    sinceMs: () => sinceMs,
    beat() {
      const isGap = elapsedMs() >= gapMs
      listenedMs = ms()
      beatMs = clock.monotonic()
      if (isGap) sinceMs = listenedMs
    },
  }
}
