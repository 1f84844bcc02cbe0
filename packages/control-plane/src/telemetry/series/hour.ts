import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { type Bucket, mergeInto } from './bucket.ts'

export const hourMs = 3_600_000
export const slotMs = 5 * 60_000

/** The series of one node in one hour: buckets of five minutes, by the number of their slot in it. */
export type Hour = Map<string, Map<number, Bucket>>

/** The key of a series: a metric, and the peer that it is of. Neither has a space in it. */
export function seriesKey(metric: string, peerId: string | undefined): string {
  return peerId === undefined ? metric : `${metric} ${peerId}`
}

export function readSeriesKey(key: string): { metric: string; peerId: string | undefined } {
  const [metric = '', peerId] = key.split(' ')
  return { metric, peerId }
}

/** Returns whether there was room: an hour has so many series at most. */
export function addBucket(
  hour: Hour,
  key: string,
  { slot, bucket, maxSeries }: { slot: number; bucket: Bucket; maxSeries: number },
): boolean {
  let slots = hour.get(key)
  if (!slots) {
    if (hour.size >= maxSeries) return false
    slots = new Map()
    hour.set(key, slots)
  }
  mergeInto(slots, slot, bucket)
  return true
}

/** Adds all of another one, as far as there is room. Returns how many buckets had none. */
export function addHour(hour: Hour, other: Hour, maxSeries: number): number {
  let leftOut = 0
  for (const [key, slots] of other)
    for (const [slot, bucket] of slots)
      if (!addBucket(hour, key, { slot, bucket, maxSeries })) leftOut++
  return leftOut
}

type Row = [
  slot: number,
  min: number,
  max: number,
  sum: number,
  count: number,
  last: number,
  ms: number,
]

/** Some 2.5 KB for what a node measures of itself. */
export function encodeHour(hour: Hour, startMs: number): Uint8Array {
  const rows = Array.from(hour, ([key, slots]) => [
    key,
    Array.from(
      slots,
      ([slot, { min, max, sum, count, last, lastMs }]): Row => [
        slot,
        min,
        max,
        sum,
        count,
        last,
        lastMs - startMs,
      ],
    ),
  ])
  return zstdCompressSync(JSON.stringify(rows))
}

export function decodeHour(data: Uint8Array, startMs: number): Hour {
  const rows = JSON.parse(zstdDecompressSync(data).toString()) as [string, Row[]][] // as it is written above
  return new Map(
    rows.map(([key, slots]) => [
      key,
      new Map(
        slots.map(([slot, min, max, sum, count, last, ms]) => [
          slot,
          { min, max, sum, count, last, lastMs: startMs + ms },
        ]),
      ),
    ]),
  )
}
