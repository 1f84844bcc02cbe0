import type { Clock } from '@plexd/runtime'

const lookEachMs = 10

/** The identifier of the echo requests of one exchange: any, so that two at a time do not take each other's replies. */
export function drawEchoId(): number {
  return Math.floor(Math.random() * 65_536)
}

/** Takes a step each 10 ms, with the milliseconds since the first, until one says that the exchange is over. Rejects if the signal aborts. */
export async function stepUntilOver(
  step: (elapsedMs: number) => boolean,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<void> {
  const startMs = clock.monotonic()
  while (!step(clock.monotonic() - startMs)) await clock.sleep(lookEachMs, signal)
}
