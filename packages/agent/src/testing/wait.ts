import { setTimeout as delay } from 'node:timers/promises'

/** Resolves as soon as `check` gives something true; rejects, naming what was waited for, after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  check: () => T | Promise<T>,
  timeoutMs = 5_000,
): Promise<Exclude<T, null | undefined | false>> {
  const endMs = Date.now() + timeoutMs
  for (;;) {
    const value = await check()
    if (value) return value as Exclude<T, null | undefined | false> // just checked
    if (Date.now() > endMs) throw new Error(`waited ${timeoutMs} ms for: ${what}`)
    await delay(10)
  }
}
