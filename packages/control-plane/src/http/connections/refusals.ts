import { type Clock, createSeldom, type Log } from '@plexd/runtime'
import type { Refusal } from './admission.ts'
import type { HeaderFault } from './proxies/proxy-header.ts'

const tellEachMs = 60_000

/** Logs, at most once a minute, that connections are being closed, and how many since the last time. */
export function refusalTeller({
  clock,
  log,
}: {
  clock: Pick<Clock, 'monotonic'>
  log: Log
}): (reason: Refusal) => void {
  let counts: Partial<Record<Refusal, number>> = {}
  let toldMs = Number.NEGATIVE_INFINITY
  return (reason) => {
    counts[reason] = (counts[reason] ?? 0) + 1
    if (clock.monotonic() - toldMs < tellEachMs) return
    toldMs = clock.monotonic()
    log.warn('connections closed without an answer', counts)
    counts = {}
  }
}

/** Logs what is wrong with connections of balancers: each fault at most once a minute, with how many had it since the last time. */
export function headerFaultTeller({
  clock,
  log,
}: {
  clock: Pick<Clock, 'monotonic'>
  log: Log
}): (told: { balancer: string; why: HeaderFault }) => void {
  const due = createSeldom(clock, tellEachMs)
  return ({ balancer, why }) => {
    const count = due(why)
    if (count === undefined) return
    log.warn('connections of a balancer closed: they begin with no header of the PROXY protocol', {
      ...{ balancer, why, count },
    })
  }
}
