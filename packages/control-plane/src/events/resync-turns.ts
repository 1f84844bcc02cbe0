import type { Clock } from '@plexd/runtime'

/**
 * Schedules the nodes that are told to pull their state instead of getting many queued events. A pull costs as much as
 * all the events of a node together, so it is sent after the burst, to a few nodes at a time.
 */
export interface ResyncTurns {
  /** Resolves when it is the node's turn. `lastMs` returns when an event was last added to what it misses. */
  wait(no: number, lastMs: () => number): Promise<void>
  /** The node has pulled, or disconnected: the next one may start. */
  done(no: number): void
}

/** After this long without a new event, the burst is over. */
const quietMs = 200
/** A burst that does not end must not delay a node for longer than this. */
const longestMs = 10_000
const maxAtOnce = 4
/** A node that does not pull must not block the others for longer than this. */
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
      () => undefined, // aborted, because it has pulled
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
