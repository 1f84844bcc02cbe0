import { setTimeout as delay } from 'node:timers/promises'

/** The first value that is neither undefined nor false; rejects, saying `what`, when none came in `timeoutMs`. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 10_000,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    const value = await look()
    if (value !== undefined && value !== false) return value
    if (performance.now() > deadlineMs)
      throw new Error(`wait until ${what}: ${timeoutMs} ms passed`)
    await delay(20)
  }
}
