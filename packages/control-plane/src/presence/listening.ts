import type { Clock } from '@plexd/runtime'

/**
 * For how long we have listened: nobody was silent while we were stopped, suspended or too busy to hear. Milliseconds;
 * no clock that is set makes them more or fewer.
 */
export interface Listening {
  ms(): number
  /** From when on silence counts: after a gap everybody has as long as after a start. */
  sinceMs(): number
  /** To be called again and again, much more often than each `gapMs`. */
  beat(): void
}

/** A beat that is `gapMs` late is a gap. One that is somewhat late counts for what it should have been. */
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
