import type { Limits } from '../limits.ts'

/**
 * What nodes say of where they are, and when their peers are told: each node has a few turns, and gets one more after a
 * while. Who has none left waits, and what it says last is told. In memory: the rows say who waits after a restart.
 */
export interface Moves {
  /** Whether the node has a turn, which is then taken. */
  take(no: number): boolean
  /** The node has moved without a turn. */
  wait(no: number): void
  /** Its peers have been told. */
  told(no: number): void
  /** Those that wait, and have a turn by now. */
  due(): number[]
}

export function createMoves(
  { endpoint_changes: turns, endpoint_refill_ms: refillMs }: Limits,
  monotonic: () => number,
): Moves {
  /** When each node has all its turns again. */
  const fullAtMs = new Map<number, number>()
  const waiting = new Set<number>()

  /** How many turns are missing, as the time until they are there again. */
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
