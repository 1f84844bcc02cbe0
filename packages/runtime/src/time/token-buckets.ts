/**
 * A token bucket per key. What is missing from a bucket is counted as the time that refills it, so a bucket is nothing
 * but the time when it is full again. The caller decides how much may be missing.
 */
export interface TokenBuckets<Key> {
  /** How long the bucket takes to be full; 0 for one that was never used. */
  missingMs(key: Key): number
  /** Takes as much as is refilled in this time, whether or not there is as much. */
  take(key: Key, ms: number): void
}

export function createTokenBuckets<Key>(monotonic: () => number): TokenBuckets<Key> {
  const fullAtMs = new Map<Key, number>()

  function missingMs(key: Key): number {
    return Math.max(0, (fullAtMs.get(key) ?? 0) - monotonic())
  }

  function dropFull(): void {
    const nowMs = monotonic()
    for (const [key, atMs] of fullAtMs) if (atMs <= nowMs) fullAtMs.delete(key)
  }

  return {
    missingMs,
    take(key, ms) {
      if (fullAtMs.size >= maxBuckets && !fullAtMs.has(key)) dropFull()
      fullAtMs.set(key, monotonic() + missingMs(key) + ms)
    },
  }
}

/** Beyond this many, those that are full are dropped, because an unused one is full as well. */
const maxBuckets = 10_000
