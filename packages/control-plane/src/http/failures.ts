import type { Clock, Log } from '@plexd/runtime'

/** A request that failed by no fault of its caller. */
export interface Failure {
  method: string
  /** Undefined for an address that is none of ours. */
  route: string | undefined
  /** In words. */
  error: string
}

const tellEachMs = 10_000
const maxKinds = 100

/**
 * Logs each kind of failure at once, and then at most every ten seconds with how many there were since: while a database is away
 * all requests of all nodes fail alike.
 */
export function failureTeller({
  clock,
  log,
}: {
  clock: Pick<Clock, 'monotonic'>
  log: Log
}): (failure: Failure) => void {
  const kinds = new Map<string, { count: number; toldMs: number }>()
  return (failure) => {
    const { error } = failure
    const kind = kinds.get(error) ?? { count: 0, toldMs: Number.NEGATIVE_INFINITY }
    kind.count++
    if (clock.monotonic() - kind.toldMs >= tellEachMs) {
      const { count } = kind
      log.error('request failed', count === 1 ? { ...failure } : { ...failure, count })
      Object.assign(kind, { count: 0, toldMs: clock.monotonic() })
    }
    kinds.set(error, kind)
    if (kinds.size > maxKinds) kinds.delete(kinds.keys().next().value ?? '')
  }
}
