import { setTimeout as delay } from 'node:timers/promises'

/** Rejects after a minute. */
export async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const startedMs = performance.now()
  while (!(await condition())) {
    if (performance.now() - startedMs > 60_000)
      throw new Error(`wait for ${what}: nothing after a minute`)
    await delay(200)
  }
}
