import { setTimeout as delay } from 'node:timers/promises'

type None = undefined | null | false | ''

/**
 * The first value that is not undefined, null, false or an empty text. Rejects, naming what was waited for, after `timeoutMs`,
 * which is long: on a busy machine everything takes a while, and only a test that fails waits to the end.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T> | T,
  timeoutMs = 20_000,
  /** Between two looks; 0 for what may be over soon. */
  pauseMs = 10,
): Promise<Exclude<T, None>> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    const value = await look()
    if (value !== undefined && value !== null && value !== false && value !== '')
      return value as Exclude<T, None> // just checked
    if (performance.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms for: ${what}`)
    await delay(pauseMs)
  }
}
