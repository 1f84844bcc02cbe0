import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { until } from '@plexd/runtime/testing'

/** Waits until the two that are looked at are equal; rejects with how they differed last, in the words of `assert`. */
export async function untilEqual(
  what: string,
  look: () => Promise<{ actual: unknown; expected: unknown }>,
  timeoutMs: number,
): Promise<void> {
  let last = { actual: undefined as unknown, expected: undefined as unknown }
  const isEqual = async (): Promise<boolean> => {
    last = await look()
    return isDeepStrictEqual(last.actual, last.expected)
  }
  await until(what, isEqual, timeoutMs).catch((cause: Error) => {
    assert.deepEqual(last.actual, last.expected, cause.message)
    throw cause
  })
}
