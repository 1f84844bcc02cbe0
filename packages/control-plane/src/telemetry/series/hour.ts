import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { metrics } from '@plexd/protocol'
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

/** Of a gauge, and of a counter: whose growth is read from its last values alone. */
type GaugeRow = [
  slot: number,
  lastTenths: number,
  last: number,
  min: number,
  max: number,
  sum: number,
  count: number,
]
type CounterRow = [slot: number, lastTenths: number, last: number]

const counters: ReadonlySet<string> = new Set(
  metrics.filter(({ type }) => type === 'counter').map(({ name }) => name),
)
/** Of a gauge: enough for a chart, and half the size. */
const digits = 7
/** Times are kept in tenths of a second. */
const tenthMs = 100

/** Some 2 to 5 KB for what a node measures of itself. */
export function encodeHour(hour: Hour, startMs: number): Uint8Array {
  const series = Array.from(hour, ([key, slots]) => {
    const isCounter = counters.has(readSeriesKey(key).metric)
    const rows = Array.from(slots, ([slot, bucket]) => rowOf(slot, bucket, { startMs, isCounter }))
    return [key, columnsOf(rows)]
  })
  return zstdCompressSync(JSON.stringify(series))
}

export function decodeHour(data: Uint8Array, startMs: number): Hour {
  const series = JSON.parse(zstdDecompressSync(data).toString()) as [string, number[][]][] // as it is written above
  return new Map(
    series.map(([key, columns]) => {
      const rows = columnsOf(columns) as (GaugeRow | CounterRow)[] // as they were
      return [key, new Map(rows.map((row) => [row[0], bucketOfRow(row, startMs)]))]
    }),
  )
}

function rowOf(
  slot: number,
  { min, max, sum, count, last, lastMs }: Bucket,
  { startMs, isCounter }: { startMs: number; isCounter: boolean },
): GaugeRow | CounterRow {
  const tenths = Math.floor((lastMs - startMs - slot * slotMs) / tenthMs)
  if (isCounter) return [slot, tenths, last]
  return [slot, tenths, rounded(last), rounded(min), rounded(max), rounded(sum), count]
}

function bucketOfRow(row: GaugeRow | CounterRow, startMs: number): Bucket {
  const [slot, tenths, last, min = last, max = last, sum = last, count = 1] = row
  return { min, max, sum, count, last, lastMs: startMs + slot * slotMs + tenths * tenthMs }
}

function rounded(value: number): number {
  return Number(value.toPrecision(digits))
}

/** Rows as columns, and columns as rows: values of one kind are smaller side by side. */
function columnsOf(rows: readonly (readonly number[])[]): number[][] {
  const [first = []] = rows
  return first.map((_, column) => rows.map((row) => row[column] ?? 0))
}
