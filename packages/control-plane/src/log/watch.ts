import type { Clock } from '@plexd/runtime'

/** Wakes callers that wait for a change of something with an id. */
export interface ChangeWatch {
  /** Call this after the change is committed. */
  changed(id: string): void
  /** Subscribes immediately; the promise resolves at the next change, after `ms`, or when the signal aborts. */
  next(id: string, ms: number, signal: AbortSignal): Promise<void>
}

export function createChangeWatch(clock: Clock): ChangeWatch {
  const waiting = new Map<string, Set<() => void>>()
  return {
    changed(id) {
      for (const wake of waiting.get(id) ?? []) wake()
    },
    async next(id, ms, signal) {
      const changed = Promise.withResolvers<void>()
      const own = waiting.getOrInsertComputed(id, () => new Set())
      own.add(changed.resolve)
      const done = new AbortController()
      try {
        const either = AbortSignal.any([signal, done.signal])
        await Promise.race([changed.promise, clock.sleep(ms, either).catch(() => {})])
      } finally {
        done.abort()
        own.delete(changed.resolve)
        if (own.size === 0) waiting.delete(id)
      }
    },
  }
}
