import { createTokenBuckets } from '@plexd/runtime'
import type { Limits } from '../limits.ts'
import type { NodeRecord } from '../mesh/fleet.ts'

/**
 * A token bucket per node for announcing its endpoint changes to peers. A node without tokens waits,
 * and then its latest endpoint is announced. Who waits is in the fleet; the tokens are in memory only.
 */
export interface Moves {
  /** Takes a token if the node has one; returns whether it had. */
  take(no: number): boolean
  /** Of these nodes, those that now have a token. */
  due(waiting: Iterable<NodeRecord>): NodeRecord[]
}

export function createMoves(
  { endpoint_changes: tokens, endpoint_refill_ms: refillMs }: Limits,
  monotonic: () => number,
): Moves {
  const buckets = createTokenBuckets<number>(monotonic)

  function hasToken(no: number): boolean {
    return buckets.missingMs(no) <= (tokens - 1) * refillMs
  }

  return {
    take(no) {
      if (!hasToken(no)) return false
      buckets.take(no, refillMs)
      return true
    },
    due: (waiting) => [...waiting].filter(({ no }) => hasToken(no)),
  }
}
