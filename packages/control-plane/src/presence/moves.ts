import type { Limits } from '../limits.ts'

/**
 * A token bucket per node for announcing its endpoint changes to peers. A node without tokens waits,
 * and then its latest endpoint is announced. In memory: after a restart the rows say who is waiting.
 */
export interface Moves {
  /** Takes a token if the node has one; returns whether it had. */
  take(no: number): boolean
  /** The node has moved without a token. */
  wait(no: number): void
  /** Its peers have been told. */
  told(no: number): void
  /** Waiting nodes that now have a token. */
  due(): number[]
}

export function createMoves(
  { endpoint_changes: turns, endpoint_refill_ms: refillMs }: Limits,
  monotonic: () => number,
): Moves {
  /** When each node's bucket will be full again. */
  const fullAtMs = new Map<number, number>()
  const waiting = new Set<number>()

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
    wait: (no) => void waiting.add(no),
    told: (no) => void waiting.delete(no),
    due() {
      const nowMs = monotonic()
      for (const [no, atMs] of fullAtMs) if (atMs <= nowMs) fullAtMs.delete(no)
      return [...waiting].filter(hasTurn)
    },
  }
}
