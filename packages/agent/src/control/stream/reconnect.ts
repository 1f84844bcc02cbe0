import { createBackoff, wishedWaitMs } from '@plexd/runtime'
import { ForeignAnswer, isRefusal } from '../failure.ts'

/** How one connection of the stream ended. */
export interface StreamEnd {
  /** Undefined when the server closed it in order. */
  error: unknown
  /** How long it was open; undefined when it never was. */
  openMs: number | undefined
}

/** Decides how long to wait before the next connection. */
export interface ReconnectPolicy {
  nextMs(end: StreamEnd): number
}

/** A stream that lasted this long was a good one: the next failure starts from the shortest wait again. */
const goodMs = 30_000
const minMs = 1_000
/** Whatever stands in the way bears it, not the control plane. */
const maxForeignMs = 8_000

/**
 * 1 s to 60 s, doubling, ±25 %, and to 8 s while something on the way answers; 60 s to 10 min while the node itself is refused. A server that names a time (429,
 * 503) gets it, with a little more at random so that its nodes do not come back in one moment. Never below 1 s,
 * whatever ended the stream: a server that accepts and closes must not be hammered.
 */
export function createReconnectPolicy(random: () => number = Math.random): ReconnectPolicy {
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
      const wishedMs = wishedWaitMs(error)
      return Math.max(
        minMs,
        wishedMs === undefined ? quick.nextMs() : wishedMs * (1 + random() / 4),
      )
    },
  }
}
