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
  { endpoint_changes: turns, endpoint_refill_ms: refillMs }: Limits,
  monotonic: () => number,
): Moves {
  /** When each node's bucket will be full again. */
  const fullAtMs = new Map<number, number>()

  /** The number of missing tokens, expressed as the time to refill them. */
  function missingMs(no: number): number {
    return Math.max(0, (fullAtMs.get(no) ?? 0) - monotonic())
  }

  function hasTurn(no: number): boolean {
    return missingMs(no) <= (turns - 1) * refillMs
  }

  return {
    take(no) {
      if (!hasTurn(no)) return false
      fullAtMs.set(no, monotonic() + missingMs(no) + refillMs)
      return true
    },
    due(waiting) {
      const nowMs = monotonic()
      for (const [no, atMs] of fullAtMs) if (atMs <= nowMs) fullAtMs.delete(no)
      return [...waiting].filter(({ no }) => hasTurn(no))
    },
  }
}
