import { setImmediate as turn } from 'node:timers/promises'
import { groupNames } from '@plexd/protocol'
import type { FoundRecord, TelemetryStore } from '../store.ts'
import { type Bucket, bucketOf, mergeInto } from './bucket.ts'
import { hourMs, readSeriesKey } from './hour.ts'
import { placeOf, samplesOf } from './samples.ts'
import type { Series } from './series.ts'

/** What is read of one metric of one node. */
export interface BucketQuery {
  tenantId: string
  nodeId: string
  /** As in `node_resources.cpu_percent`. */
  metric: string
  sinceMs: number
  untilMs: number
  signal: AbortSignal
}

/** In order of time, by the peer; of a metric without peers by ''. */
export type BucketsByPeer = Map<string, Bucket[]>

/** Read before others have their turn: the event loop waits some 20 ms for it. */
const windowMs = 96 * hourMs

/** From what is kept for long. */
export async function readSeries(
  series: Pick<Series, 'read'>,
  { nodeId, metric, sinceMs, untilMs, signal }: BucketQuery,
): Promise<BucketsByPeer> {
  const found: BucketsByPeer = new Map()
  const firstMs = placeOf(sinceMs).startMs
  for (let fromMs = firstMs; fromMs <= untilMs; fromMs += windowMs) {
    const toMs = Math.min(untilMs, fromMs + windowMs - 1)
    const hours = await series.read(nodeId, { sinceMs: fromMs, untilMs: toMs })
    for (const hour of hours.values())
      for (const [key, slots] of hour) {
        const { metric: name, peerId = '' } = readSeriesKey(key)
        if (name === metric) found.getOrInsertComputed(peerId, () => []).push(...slots.values())
      }
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
  { tenantId, nodeId, metric, sinceMs, untilMs, signal }: BucketQuery,
  charge: (records: number) => void,
): Promise<BucketsByPeer> {
  const found = new Map<string, Map<number, Bucket>>()
  let after: FoundRecord | undefined
  for (let count = pageRecords; count === pageRecords; ) {
    count = 0
    for await (const records of telemetry.search({
      tenant_id: tenantId,
      kind: 'metrics',
      node_ids: [nodeId],
      units: groupsOf(metric),
      sinceMs,
      untilMs,
      order: 'oldest',
      after,
      limit: pageRecords,
      signal,
    })) {
      count += records.length
      after = records.at(-1) ?? after
      for (const { record, received_at } of records) take(found, metric, record, received_at)
    }
    charge(count)
  }
  return new Map(Array.from(found, ([peer, points]) => [peer, [...points.values()]]))
}

/** Every group that the metric may be of: programs may have dots in theirs, as `scrape.127.0.0.1:9100` has. */
function groupsOf(metric: string): string[] {
  const steps = metric.split('.')
  return steps.slice(1).flatMap((_, at) => groupNames(steps.slice(0, at + 1).join('.')))
}

function take(
  found: Map<string, Map<number, Bucket>>,
  wanted: string,
  record: string,
  receivedMs: number,
): void {
  for (const { key, value, atMs } of samplesOf(record, receivedMs)) {
    const { metric, peerId = '' } = readSeriesKey(key)
    if (metric !== wanted) continue
    const points = found.getOrInsertComputed(peerId, () => new Map())
    mergeInto(points, atMs, bucketOf(value, atMs))
  }
}
