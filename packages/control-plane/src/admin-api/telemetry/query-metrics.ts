import { ApiError, adminApi, type MetricSeries, type SeriesAggregate } from '@plexd/protocol'
import type { Environment, SideStores, State, Waiters } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readSeriesKey, type SeriesName } from '../../telemetry/packs/samples.ts'
import type { Bucket } from '../../telemetry/series/hours/bucket.ts'
import { hourMs } from '../../telemetry/series/hours/place.ts'
import {
  type BucketQuery,
  type BucketsBySeries,
  readPoints,
  readSeries,
} from '../../telemetry/series/read-buckets.ts'
import {
  maxHours,
  maxPoints,
  type Resolution,
  resolutionOf,
} from '../../telemetry/series/resolution.ts'
import { seriesSelectorOf } from '../../telemetry/series/series-selector.ts'
import { pick, ratesOf, stepsOf } from '../../telemetry/series/steps.ts'
import { readDuration } from '../wire/durations.ts'
import { type HostnameOf, readHostnames } from '../wire/hostnames.ts'
import { timestamp } from '../wire/timestamps.ts'
import { findMetric, type NamedMetric, nameOf } from './find-metric.ts'
import { programMetrics } from './program-metrics.ts'
import { nodeIdsOf, timesOf } from './record-filter.ts'
import { signalOf } from './request-signal.ts'
import { shownValue } from './shown-value.ts'

type Needs = State & SideStores & Waiters & Environment

const defaultRangeMs = 3_600_000
/** Of all series of an answer together. */
const maxSteps = 50_000
/** A counter is compared with the value before the range. */
const beforeMs = { points: 60_000, series: 10 * 60_000 }

export const queryMetrics = handle(
  adminApi.queryMetrics,
  async ({ principal, query, reply }, app: Needs): Promise<MetricSeries> => {
    const { tenant_id: tenantId } = principal
    const programs = () => programMetrics(app, tenantId)
    const metric = findMetric(query.name, { field: 'metric', programs })
    const selector = seriesSelectorOf(metric.selector)
    const range = rangeOf(query, app.clock.now())
    const nodeIds = (await nodeIdsOf(app, principal, query)) ?? allIds(app, tenantId)
    const resolution = chooseResolution(query.step, range, nodeIds.length)
    const signal = signalOf(app, principal, reply)
    const read = createReader(app, resolution)
    const found: Found[] = []
    for (const nodeId of nodeIds) {
      const sinceMs = range.sinceMs - (metric.isCounter ? beforeMs[resolution.source] : 0)
      const ofNode = await read({ tenantId, nodeId, selector, ...range, sinceMs, signal })
      for (const [key, buckets] of ofNode) found.push({ nodeId, ...readSeriesKey(key), buckets })
    }
    const ids = found.flatMap(({ nodeId, peerId }) =>
      peerId === undefined ? [nodeId] : [nodeId, peerId],
    )
    const hostnameOf = await readHostnames(app, { tenantId, ids })
    const agg = query.agg ?? 'avg'
    const { stepMs } = resolution
    return {
      name: nameOf(metric),
      unit: metric.unit,
      help: metric.help,
      agg,
      step_seconds: Math.round(stepMs / 1_000),
      series: seriesOf(found, { metric, agg, stepMs, ...range, hostnameOf }),
    }
  },
)

interface Range {
  sinceMs: number
  untilMs: number
}

function rangeOf(query: { since?: string; until?: string }, nowMs: number): Range {
  const untilMs = Math.min(timesOf(query, nowMs).untilMs, nowMs)
  const sinceMs =
    query.since === undefined ? untilMs - defaultRangeMs : timesOf(query, nowMs).sinceMs
  if (sinceMs < untilMs) return { sinceMs, untilMs }
  throw new ApiError('bad_request', `since "${query.since}" is not before the end of the range`)
}

function allIds({ fleet }: State, tenantId: string): string[] {
  return Array.from(fleet.nodes(tenantId), ({ id }) => id)
}

function chooseResolution(
  step: string | undefined,
  { sinceMs, untilMs }: Range,
  nodes: number,
): Resolution {
  const stepMs =
    step === undefined ? undefined : readDuration(step, { field: 'step', min: '15s', max: '720h' })
  const rangeMs = untilMs - sinceMs
  const resolution = resolutionOf({ rangeMs, nodes, stepMs })
  if (!resolution)
    throw new ApiError(
      'bad_request',
      `step "${step}" is too fine for ${nodes} nodes and this range: want 5m or more, fewer nodes or a shorter range`,
    )
  if (resolution.source === 'series' && (nodes * rangeMs) / hourMs > maxHours)
    throw new ApiError(
      'bad_request',
      `${nodes} nodes are too many for this range: want fewer nodes or a shorter range`,
    )
  if ((nodes * rangeMs) / resolution.stepMs > maxSteps) throw tooMuch()
  return resolution
}

function tooMuch(): ApiError {
  return new ApiError(
    'bad_request',
    `there are more than ${maxSteps} values to show: want a larger step, fewer nodes or a shorter range`,
  )
}

function createReader(
  { telemetry, series }: SideStores,
  { source }: Resolution,
): (query: BucketQuery) => Promise<BucketsBySeries> {
  if (source === 'series') return (query) => readSeries(series, query)
  let left = maxPoints
  return (query) =>
    readPoints(telemetry, query, (records) => {
      left -= records
      if (left < 0) throw tooMuch()
    })
}

interface View extends Range {
  metric: NamedMetric
  agg: SeriesAggregate
  stepMs: number
  hostnameOf: HostnameOf
}

/** One series as it was read. */
interface Found extends SeriesName {
  nodeId: string
  buckets: readonly Bucket[]
}

function seriesOf(
  found: readonly Found[],
  { metric, agg, hostnameOf, ...range }: View,
): MetricSeries['series'] {
  let steps = 0
  return found.map(({ nodeId, peerId, labels, buckets }) => {
    const shown = stepsOf(metric.isCounter ? ratesOf(buckets) : buckets, range)
    steps += shown.length
    if (steps > maxSteps) throw tooMuch()
    return {
      node_id: nodeId,
      node_hostname: hostnameOf(nodeId),
      peer_id: peerId ?? null,
      peer_hostname: peerId === undefined ? null : hostnameOf(peerId),
      labels: Object.fromEntries(labels),
      points: shown.map(([startMs, bucket]) => ({
        at: timestamp(startMs),
        value: shownValue(pick(bucket, agg)),
      })),
    }
  })
}
