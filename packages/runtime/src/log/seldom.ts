import type { Clock } from '../time/clock.ts'

/** Kinds beyond that are forgotten, the oldest first. */
const maxKinds = 100

/**
 * Tells when to log what happens again and again: at once, and then at most every `eachMs` for each kind. The function that it
 * returns is called each time, and gives how often that kind came since it was logged; undefined if it is not due.
 */
export function createSeldom(
  clock: Pick<Clock, 'monotonic'>,
  eachMs: number,
): (kind: string) => number | undefined {
  const kinds = new Map<string, { count: number; toldMs: number }>()
  return (name) => {
    const kind = kinds.getOrInsert(name, { count: 0, toldMs: Number.NEGATIVE_INFINITY })
    if (kinds.size > maxKinds) kinds.delete(kinds.keys().next().value ?? name)
    kind.count++
    if (clock.monotonic() - kind.toldMs < eachMs) return undefined
    const { count } = kind
    Object.assign(kind, { count: 0, toldMs: clock.monotonic() })
    return count
  }
}
