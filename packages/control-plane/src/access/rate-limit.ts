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

interface Bucket {
  /** The remaining seconds of each allowance; negative values are debt. */
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

/** A bucket that has refilled can be dropped. */
function dropFull(buckets: Map<string, Bucket>, nowMs: number, burstSeconds: number): void {
  for (const [nodeId, { records, bytes, atMs }] of buckets) {
    const missing = burstSeconds - Math.min(records, bytes)
    if (nowMs - atMs > missing * 1_000) buckets.delete(nodeId)
  }
}
