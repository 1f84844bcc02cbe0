import type { Clock } from '@plexd/runtime'
import type { Controls, Environment } from '../app.ts'

/**
 * Waits for the time of `drain`, in which all goes on, but who asks is told that we end soon. The first half is for balancers, which see that at their
 * next checks; in the second the connections end, one after the other, and come again elsewhere. Over at once if we cannot go on.
 */
export async function drain(
  environment: Environment & Controls,
  connections: () => readonly (() => void)[],
): Promise<void> {
  const { config, clock, log, failed } = environment
  const halfMs = config.drainMs / 2
  if (halfMs === 0) return
  const over = new AbortController()
  void failed.then((error) => over.abort(error))
  environment.drain()
  log.info('draining', { drain_ms: config.drainMs })
  try {
    await clock.sleep(halfMs, over.signal)
    await endSpread(connections(), { overMs: halfMs, clock, signal: over.signal })
  } catch (error) {
    log.warn('the drain is over before its time', { error })
  }
}

interface Spread {
  overMs: number
  clock: Pick<Clock, 'sleep' | 'monotonic'>
  signal: AbortSignal
}

/** Calls each, at equal intervals; resolves when the time is over. */
export async function endSpread(
  ends: readonly (() => void)[],
  { overMs, clock, signal }: Spread,
): Promise<void> {
  const startMs = clock.monotonic()
  const until = async (ms: number): Promise<void> => {
    const leftMs = startMs + ms - clock.monotonic()
    // Of thousands some are due together, as a timer is no shorter than a millisecond.
    if (leftMs > 0) await clock.sleep(leftMs, signal)
  }
  for (const [at, end] of ends.entries()) {
    await until((overMs * at) / ends.length)
    end()
  }
  await until(overMs)
}

/** Aborted when the given signal is, and the drain is over by then. */
export function afterDrain(
  signal: AbortSignal | undefined,
  drained: () => Promise<void>,
): AbortSignal {
  const end = new AbortController()
  const begin = (): void => void drained().finally(() => end.abort(signal?.reason))
  if (signal?.aborted) begin()
  else signal?.addEventListener('abort', begin, { once: true })
  return end.signal
}
