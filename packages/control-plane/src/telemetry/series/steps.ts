import type { SeriesAggregate } from '@plexd/protocol'
import { type Bucket, bucketOf, growthBetween, mergeInto } from './hours/bucket.ts'

/** What a counter grew by a second, at the time of each bucket but the first; what it grew by before it began anew is in it. */
export function ratesOf(buckets: readonly Bucket[]): Bucket[] {
  return buckets.slice(1).flatMap((bucket, index) => {
    const before = buckets[index] as Bucket // there is one in front of each but the first
    const seconds = (bucket.lastMs - before.lastMs) / 1_000
    const growth = growthBetween(before.last, bucket.first) + bucket.growth
    return seconds > 0 ? [bucketOf(growth / seconds, bucket.lastMs)] : []
  })
}

/** Buckets together by steps, by the beginning of each; those without any are left out. In order of time. */
export function stepsOf(
  buckets: readonly Bucket[],
  { stepMs, sinceMs, untilMs }: { stepMs: number; sinceMs: number; untilMs: number },
): [startMs: number, bucket: Bucket][] {
  const steps = new Map<number, Bucket>()
  for (const bucket of buckets)
    if (bucket.lastMs >= sinceMs && bucket.lastMs <= untilMs)
      mergeInto(steps, bucket.lastMs - (bucket.lastMs % stepMs), bucket)
  return Array.from(steps).sort(([a], [b]) => a - b)
}

export function pick({ min, max, sum, count, last }: Bucket, agg: SeriesAggregate): number {
  return { min, max, avg: sum / count, last }[agg]
}
