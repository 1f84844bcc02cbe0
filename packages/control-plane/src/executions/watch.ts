import type { Clock } from '@plexd/runtime'

/** Wakes callers that wait for a change of an execution. */
export interface ExecutionWatch {
  /** Call this after the change is committed. */
  changed(executionId: string): void
  /** Subscribes immediately; the promise resolves at the next change, after `ms`, or when the signal aborts. */
  next(executionId: string, ms: number, signal: AbortSignal): Promise<void>
}

export function createExecutionWatch(clock: Clock): ExecutionWatch {
  const waiting = new Map<string, Set<() => void>>()
  return {
    changed(executionId) {
      for (const wake of waiting.get(executionId) ?? []) wake()
    },
    async next(executionId, ms, signal) {
      const changed = Promise.withResolvers<void>()
      const own = waiting.getOrInsertComputed(executionId, () => new Set())
      own.add(changed.resolve)
      const done = new AbortController()
      try {
        const either = AbortSignal.any([signal, done.signal])
        await Promise.race([changed.promise, clock.sleep(ms, either).catch(() => {})])
      } finally {
        done.abort()
        own.delete(changed.resolve)
        if (own.size === 0) waiting.delete(executionId)
      }
    },
  }
}
