import { type Clock, createSeldom, type Log } from '@plexd/runtime'

/** A request that failed by no fault of its caller. */
export interface Failure {
  method: string
  /** Undefined for an address that is none of ours. */
  route: string | undefined
  /** In words. */
  error: string
}

const tellEachMs = 10_000

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
  const due = createSeldom(clock, tellEachMs)
  return (failure) => {
    const count = due(failure.error)
    if (count === undefined) return
    log.error('request failed', count === 1 ? { ...failure } : { ...failure, count })
  }
}
