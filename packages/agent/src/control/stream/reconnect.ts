import { createBackoff, wishedWaitMs } from '@plexd/runtime'
import { ForeignAnswer, isRefusal } from '../client/failure.ts'

/** How a connection of the stream ended. */
export interface StreamEnd {
  /** Undefined if the server closed it normally. */
  error: unknown
  /** How long it was open; undefined if it never was. */
  openMs: number | undefined
}

/** Decides how long to wait before the next connection. */
export interface ReconnectPolicy {
  nextMs(end: StreamEnd): number
}

/**
 * After a stream that lasted this long, the backoff starts again from the shortest wait: that is not a server which closes what it has
 * accepted, but one whose end came. Where several end one after the other, nodes are not to wait longer from one to the next.
 */
const goodMs = 5_000
const minMs = 1_000
/** Over so long the nodes of a control plane that has ended come to another one. */
const spreadMs = 250
/** Retries are cheap here, because they reach something in between, not the control plane. */
const maxForeignMs = 8_000

/**
 * Backoff: 1 s to 60 s, doubling, ±25 %; to 8 s while something in between answers; 60 s to 10 min while the node is refused. A `Retry-After` (429,
 * 503) is honoured, plus some jitter, so that a server's nodes do not all return at once. Never below 1 s,
 * however the stream ended: a server that accepts and closes must not be hammered. At once where there are other addresses, if
 * the stream had lasted: the next connection is tried at all of them.
 */
export function createReconnectPolicy(
  random: () => number = Math.random,
  hasOthers = false,
): ReconnectPolicy {
  const quick = createBackoff({ minMs, maxMs: 60_000, random })
  const foreign = createBackoff({ minMs, maxMs: maxForeignMs, random })
  const slow = createBackoff({ minMs: 60_000, maxMs: 10 * 60_000, random })
  return {
    nextMs({ error, openMs }) {
      if (openMs !== undefined) slow.reset()
      if (error instanceof ForeignAnswer) return Math.max(minMs, foreign.nextMs())
      foreign.reset()
      if (openMs !== undefined && openMs >= goodMs) quick.reset()
      if (isRefusal(error)) return slow.nextMs()
      if (hasOthers && openMs !== undefined && openMs >= goodMs) return spreadMs * random()
      const wishedMs = wishedWaitMs(error)
      return Math.max(
        minMs,
        wishedMs === undefined ? quick.nextMs() : wishedMs * (1 + random() / 4),
      )
    },
  }
}
