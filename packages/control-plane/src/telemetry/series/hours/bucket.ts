/** What is kept of the values of one metric in a stretch of time. */
export interface Bucket {
  min: number
  max: number
  sum: number
  count: number
  /** The oldest and the newest of the values, and when these were measured: milliseconds since 1970. */
  first: number
  firstMs: number
  last: number
  lastMs: number
  /** Of a counter: what it grew by from the first to the last, whenever it began anew in between. */
  growth: number
}

export function bucketOf(value: number, atMs: number): Bucket {
  return {
    min: value,
    max: value,
    sum: value,
    count: 1,
    first: value,
    firstMs: atMs,
    last: value,
    lastMs: atMs,
    growth: 0,
  }
}

/** Of both together, in whichever order they came. */
export function merge(a: Bucket, b: Bucket): Bucket {
  const { first, firstMs } = b.firstMs < a.firstMs ? b : a
  const { last, lastMs } = b.lastMs >= a.lastMs ? b : a
  return {
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    sum: a.sum + b.sum,
    count: a.count + b.count,
    first,
    firstMs,
    last,
    lastMs,
    growth: b.firstMs < a.firstMs ? growthOf(b, a) : growthOf(a, b),
  }
}

/** What a counter grew by between two of its values: one that is less than before began anew from nothing, as in `increase` of Prometheus. */
export function growthBetween(before: number, after: number): number {
  return after < before ? after : after - before
}

/**
 * Of two of which the first begins no later. Where they overlap, as with a point that comes late, what is inside of the earlier one is in its
 * growth already, if the counter did not begin anew just there.
 */
function growthOf(a: Bucket, b: Bucket): number {
  if (b.lastMs <= a.lastMs) return a.growth
  const isBehind = b.firstMs > a.lastMs
  return isBehind
    ? a.growth + growthBetween(a.last, b.first) + b.growth
    : a.growth + growthBetween(a.last, b.last)
}

export function mergeInto<Key>(buckets: Map<Key, Bucket>, key: Key, bucket: Bucket): void {
  const before = buckets.get(key)
  buckets.set(key, before ? merge(before, bucket) : bucket)
}
