import { setImmediate as turn } from 'node:timers/promises'
import { groupNames } from '@plexd/protocol'
import { arrivedFactsOf } from '../packs/matcher.ts'
import { nameOfKey } from '../packs/samples.ts'
import type { FoundRecord, TelemetryStore } from '../store.ts'
import { maxLateMs } from './heads.ts'
import { type Bucket, bucketOf, mergeInto } from './hours/bucket.ts'
import { hourMs, placeOf } from './hours/place.ts'
import type { Series } from './series.ts'
import { isSelected, type SeriesSelector } from './series-selector.ts'

/** What is read of one metric of one node, of all its series that are meant. */
export interface BucketQuery {
  tenantId: string
  nodeId: string
  selector: SeriesSelector
  sinceMs: number
  untilMs: number
  signal: AbortSignal
}

/** In order of time, by the key of each series. */
export type BucketsBySeries = Map<string, Bucket[]>

/** Read before others have their turn: the event loop waits some 20 ms for it. */
const windowMs = 96 * hourMs

/** From what is kept for long. */
export async function readSeries(
  series: Pick<Series, 'read'>,
  { nodeId, selector, sinceMs, untilMs, signal }: BucketQuery,
): Promise<BucketsBySeries> {
  const found: BucketsBySeries = new Map()
  const firstMs = placeOf(sinceMs).startMs
  for (let fromMs = firstMs; fromMs <= untilMs; fromMs += windowMs) {
    const toMs = Math.min(untilMs, fromMs + windowMs - 1)
    const hours = await series.read(nodeId, { sinceMs: fromMs, untilMs: toMs })
    for (const hour of hours.values())
      for (const [key, slots] of hour.series)
        if (nameOfKey(key) === selector.name && isSelected(selector, key))
          found.getOrInsertComputed(key, () => []).push(...slots.values())
    await turn()
    signal.throwIfAborted()
  }
  for (const buckets of found.values()) buckets.sort((a, b) => a.lastMs - b.lastMs)
  return found
}

/** Records in memory at a time. */
const pageRecords = 5_000

/** From the points as the node sent them. `charge` is told of each page, and may throw when there are too many. */
export async function readPoints(
  telemetry: Pick<TelemetryStore, 'search'>,
  { tenantId, nodeId, selector, sinceMs, untilMs, signal }: BucketQuery,
  charge: (records: number) => void,
): Promise<BucketsBySeries> {
  const found = new Map<string, Map<number, Bucket>>()
  let after: FoundRecord | undefined
  for (let count = pageRecords; count === pageRecords; ) {
    count = 0
    for await (const records of telemetry.search({
      tenant_id: tenantId,
      kind: 'metrics',
      node_ids: [nodeId],
      units: groupNames(selector.group),
      sinceMs,
      untilMs,
      order: 'oldest',
      after,
      limit: pageRecords,
      signal,
    })) {
      count += records.length
      after = records.at(-1) ?? after
      for (const { record, received_at } of records)
        take(found, { selector, receivedMs: received_at }, record)
    }
    charge(count)
  }
  return new Map(Array.from(found, ([key, points]) => [key, [...points.values()]]))
}

/** What a point of one of these has, of the series that are wanted. */
function take(
  found: Map<string, Map<number, Bucket>>,
  { selector, receivedMs }: { selector: SeriesSelector; receivedMs: number },
  record: string,
): void {
  const { point } = arrivedFactsOf('metrics', record)
  if (!point || receivedMs - point.atMs > maxLateMs) return
  const atMs = Math.min(point.atMs, receivedMs)
  for (const {
    series: { key, name },
    value,
  } of point.samples) {
    if (name !== selector.name || !isSelected(selector, key)) continue
    const points = found.getOrInsertComputed(key, () => new Map())
    mergeInto(points, atMs, bucketOf(value, atMs))
  }
}
