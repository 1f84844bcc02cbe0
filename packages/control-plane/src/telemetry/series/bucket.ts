/** What is kept of the values of one metric in a stretch of time. */
export interface Bucket {
  min: number
  max: number
  sum: number
  count: number
  /** The newest of the values, and when it was measured: milliseconds since 1970. */
  last: number
  lastMs: number
}

export function bucketOf(value: number, atMs: number): Bucket {
  return { min: value, max: value, sum: value, count: 1, last: value, lastMs: atMs }
}

/** Of both together, in whichever order they came. */
export function merge(a: Bucket, b: Bucket): Bucket {
  const { last, lastMs } = b.lastMs >= a.lastMs ? b : a
  return {
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    sum: a.sum + b.sum,
    count: a.count + b.count,
    last,
    lastMs,
  }
}

export function mergeInto<Key>(buckets: Map<Key, Bucket>, key: Key, bucket: Bucket): void {
  const before = buckets.get(key)
  buckets.set(key, before ? merge(before, bucket) : bucket)
}
