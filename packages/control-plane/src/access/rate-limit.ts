/** How much a node may send, on average and at once. */
export interface RateLimits {
  recordsPerSecond: number
  bytesPerSecond: number
  /** What may come at once, in seconds of the average. */
  burstSeconds: number
}

/**
 * A token bucket for each node. A batch is let through while nothing is owed, whatever its size, and what it takes
 * beyond the bucket is owed: so a batch that is larger than the bucket is slow, but not impossible.
 */
export interface RateLimit {
  /** Seconds until the node may send again; undefined when it may now. */
  retryAfterSeconds(nodeId: string): number | undefined
  charge(nodeId: string, taken: { records: number; bytes: number }): void
}

interface Bucket {
  /** Seconds of each allowance that are left; below zero they are owed. */
  records: number
  bytes: number
  atMs: number
}

export function createRateLimit(now: () => number, limits: RateLimits): RateLimit {
  const { recordsPerSecond, bytesPerSecond, burstSeconds } = limits
  const buckets = new Map<string, Bucket>()

  function refilled(nodeId: string): Bucket {
    const atMs = now()
    const bucket = buckets.get(nodeId)
    if (!bucket) return { records: burstSeconds, bytes: burstSeconds, atMs }
    const seconds = Math.max(0, atMs - bucket.atMs) / 1_000
    return {
      records: Math.min(burstSeconds, bucket.records + seconds),
      bytes: Math.min(burstSeconds, bucket.bytes + seconds),
      atMs,
    }
  }

  return {
    retryAfterSeconds(nodeId) {
      const { records, bytes } = refilled(nodeId)
      const left = Math.min(records, bytes)
      if (left > 0) return undefined
      return Math.max(1, Math.ceil(-left))
    },
    charge(nodeId, taken) {
      const bucket = refilled(nodeId)
      bucket.records -= taken.records / recordsPerSecond
      bucket.bytes -= taken.bytes / bytesPerSecond
      if (buckets.size >= maxBuckets && !buckets.has(nodeId))
        dropFull(buckets, bucket.atMs, burstSeconds)
      buckets.set(nodeId, bucket)
    },
  }
}

const maxBuckets = 10_000

/** A bucket that has had the time to fill says no more than none. */
function dropFull(buckets: Map<string, Bucket>, nowMs: number, burstSeconds: number): void {
  for (const [nodeId, { records, bytes, atMs }] of buckets) {
    const missing = burstSeconds - Math.min(records, bytes)
    if (nowMs - atMs > missing * 1_000) buckets.delete(nodeId)
  }
}
