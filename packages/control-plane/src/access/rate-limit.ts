import { createTokenBuckets } from '@plexd/runtime'

/** How much a node may send: the average rate, and the burst. */
export interface RateLimits {
  recordsPerSecond: number
  bytesPerSecond: number
  /** The burst, in seconds of the average rate. */
  burstSeconds: number
}

/**
 * A token bucket per node. A batch is admitted whenever the bucket is not in debt, whatever its size, and may put the
 * bucket into debt: so a batch larger than the bucket is slow, but not impossible.
 */
export interface RateLimit {
  /** Seconds until the node may send again; undefined if it may now. */
  retryAfterSeconds(nodeId: string): number | undefined
  charge(nodeId: string, taken: { records: number; bytes: number }): void
}

export function createRateLimit(
  now: () => number,
  { recordsPerSecond, bytesPerSecond, burstSeconds }: RateLimits,
): RateLimit {
  const records = createTokenBuckets<string>(now)
  const bytes = createTokenBuckets<string>(now)
  return {
    retryAfterSeconds(nodeId) {
      const missingMs = Math.max(records.missingMs(nodeId), bytes.missingMs(nodeId))
      const left = burstSeconds - missingMs / 1_000
      if (left > 0) return undefined
      return Math.max(1, Math.ceil(-left))
    },
    charge(nodeId, taken) {
      records.take(nodeId, (taken.records * 1_000) / recordsPerSecond)
      bytes.take(nodeId, (taken.bytes * 1_000) / bytesPerSecond)
    },
  }
}
