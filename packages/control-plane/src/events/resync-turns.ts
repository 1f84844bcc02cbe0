import type { Clock } from '@plexd/runtime'

/**
 * When nodes are told to pull their state in place of the many events that wait for them. A pull costs as much as all
 * events of a node together, so they are told once the burst is over, and a few at a time.
 */
export interface ResyncTurns {
  /** Resolves when it is the node's turn. `lastMs` tells when something was last added to what it misses. */
  wait(no: number, lastMs: () => number): Promise<void>
  /** The node has pulled, or is gone: the next may. */
  done(no: number): void
}

/** Nothing new for so long: the burst is over. */
const quietMs = 200
/** A burst that does not end must not keep a node behind for longer. */
const longestMs = 10_000
const maxAtOnce = 4
/** A node that was told and does not pull must not keep the others waiting. */
const patienceMs = 500

export function createResyncTurns(clock: Clock): ResyncTurns {
  const active = new Map<number, AbortController>()
  const waiting: (() => void)[] = []

  function done(no: number): void {
    const turn = active.get(no)
    if (!turn) return
    active.delete(no)
    turn.abort()
    waiting.shift()?.()
  }

  async function untilQuiet(lastMs: () => number): Promise<void> {
    const startMs = clock.monotonic()
    for (;;) {
      await clock.sleep(quietMs)
      const nowMs = clock.monotonic()
      if (nowMs - lastMs() >= quietMs || nowMs - startMs >= longestMs) return
    }
  }

  function take(no: number): void {
    const turn = new AbortController()
    active.set(no, turn)
    clock.sleep(patienceMs, turn.signal).then(
      () => done(no),
      () => undefined, // it has pulled
    )
  }

  return {
    async wait(no, lastMs) {
      await untilQuiet(lastMs)
      while (active.size >= maxAtOnce && !active.has(no))
        await new Promise<void>((resolve) => waiting.push(resolve))
      done(no)
      take(no)
    },
    done,
  }
}
