import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { roundTo } from '@plexd/runtime'
import { isCounterMetric, isProgramMetric, nameOfKey } from '../../packs/samples.ts'
import { type Bucket, bucketOf, mergeInto } from './bucket.ts'
import { slotMs } from './place.ts'

/** The series of one node in one hour. */
export interface Hour {
  /** Buckets of five minutes, by the key of the series and the number of their slot in the hour. */
  series: Map<string, Map<number, Bucket>>
  /** How many of the series are of programs. */
  programs: number
}

/** How many series an hour of a node has at most. */
export interface HourRoom {
  /** Of plexd itself. */
  own: number
  programs: number
}

export function emptyHour(): Hour {
  return { series: new Map(), programs: 0 }
}

/** Returns whether there was room. */
export function addBucket(
  hour: Hour,
  key: string,
  { slot, bucket, room }: { slot: number; bucket: Bucket; room: HourRoom },
): boolean {
  let slots = hour.series.get(key)
  if (!slots) {
    const isProgram = isProgramMetric(nameOfKey(key))
    const own = hour.series.size - hour.programs
    if (isProgram ? hour.programs >= room.programs : own >= room.own) return false
    slots = new Map()
    hour.series.set(key, slots)
    if (isProgram) hour.programs++
  }
  mergeInto(slots, slot, bucket)
  return true
}

/** Adds all of another one, as far as there is room. Returns how many buckets had none. */
export function addHour(hour: Hour, other: Hour, room: HourRoom): number {
  let leftOut = 0
  for (const [key, slots] of other.series)
    for (const [slot, bucket] of slots) if (!addBucket(hour, key, { slot, bucket, room })) leftOut++
  return leftOut
}

/** Of a gauge, and of a counter, of which only the growth is asked for. Earlier versions kept the first three of a counter alone. */
type GaugeRow = [
  slot: number,
  lastTenths: number,
  last: number,
  min: number,
  max: number,
  sum: number,
  count: number,
]
type CounterRow = [
  slot: number,
  lastTenths: number,
  last: number,
  firstTenths: number,
  first: number,
  growth: number,
]

const counterColumns = 6
/** Of a gauge: enough for a chart, and half the size. */
const digits = 7
/** Times are kept in tenths of a second. */
const tenthMs = 100

/** With a checksum: SQLite has none of what is in a row. Earlier versions wrote hours without one. */
const compression = { params: { [constants.ZSTD_c_checksumFlag]: 1 } }

/** Some 2 to 5 KB for what a node measures of itself. */
export function encodeHour(hour: Hour, startMs: number): Uint8Array {
  const series = Array.from(hour.series, ([key, slots]) => {
    const isCounter = isCounterMetric(nameOfKey(key))
    const rows = Array.from(slots, ([slot, bucket]) => rowOf(slot, bucket, { startMs, isCounter }))
    return [key, columnsOf(rows)]
  })
  return zstdCompressSync(JSON.stringify(series), compression)
}

function decodeHour(data: Uint8Array, startMs: number): Hour {
  const series = JSON.parse(zstdDecompressSync(data).toString()) as [string, number[][]][] // as it is written above
  const hour = emptyHour()
  for (const [key, columns] of series) {
    const rows = columnsOf(columns)
    hour.series.set(key, new Map(rows.map((row) => [row[0] ?? 0, bucketOfRow(row, startMs)])))
    if (isProgramMetric(nameOfKey(key))) hour.programs++
  }
  return hour
}

/** Of bytes that are on a disk; undefined if they are damaged there. */
export function storedHour(data: Uint8Array, startMs: number): Hour | undefined {
  try {
    return decodeHour(data, startMs)
  } catch {
    return undefined
  }
}

function rowOf(
  slot: number,
  { min, max, sum, count, first, firstMs, last, lastMs, growth }: Bucket,
  { startMs, isCounter }: { startMs: number; isCounter: boolean },
): GaugeRow | CounterRow {
  const tenthsOf = (ms: number) => Math.floor((ms - startMs - slot * slotMs) / tenthMs)
  if (isCounter) return [slot, tenthsOf(lastMs), last, tenthsOf(firstMs), first, growth]
  return [slot, tenthsOf(lastMs), rounded(last), rounded(min), rounded(max), rounded(sum), count]
}

function bucketOfRow(row: readonly number[], startMs: number): Bucket {
  const [slot = 0, tenths = 0, last = 0] = row
  const atOf = (tenths: number) => startMs + slot * slotMs + tenths * tenthMs
  const bucket = bucketOf(last, atOf(tenths))
  if (row.length === counterColumns) {
    const [, , , firstTenths = tenths, first = last, growth = 0] = row
    return { ...bucket, firstMs: atOf(firstTenths), first, growth }
  }
  const [, , , min = last, max = last, sum = last, count = 1] = row
  return { ...bucket, min, max, sum, count }
}

function rounded(value: number): number {
  return roundTo(value, digits)
}

/** Rows as columns, and columns as rows: values of one kind are smaller side by side. */
function columnsOf(rows: readonly (readonly number[])[]): number[][] {
  const [first = []] = rows
  return first.map((_, column) => rows.map((row) => row[column] ?? 0))
}
