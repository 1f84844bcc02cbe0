import { type Metric, openTelemetryMetric } from '@plexd/protocol'
import { version } from '../../version.ts'
import { attributesOf, resourceOf } from './otlp-values.ts'
import { type ForwardRequest, nanosecondsOf, type OutgoingPoint } from './outgoing.ts'
import { type PointSample, samplesOf } from './samples.ts'

/** ExportMetricsServiceRequest as JSON: a resource for each node, a metric for each name. Undefined without a value. */
export function otlpMetricsRequest(
  points: readonly OutgoingPoint[],
  nameOf: (id: string) => string | undefined,
): ForwardRequest | undefined {
  let count = 0
  const resourceMetrics = []
  for (const [, ofNode] of Map.groupBy(points, ({ origin }) => origin.node_id)) {
    const samples = ofNode.flatMap(({ record, received_at }) => {
      const time = String(nanosecondsOf(record, received_at))
      return samplesOf(record, nameOf).map((sample) => ({ ...sample, time }))
    })
    const [first] = ofNode
    if (samples.length === 0 || !first) continue
    count += samples.length
    const byName = Map.groupBy(samples, ({ metric, name }) => metric?.name ?? name)
    resourceMetrics.push({
      resource: resourceOf(first.origin, 'plexd'),
      scopeMetrics: [
        { scope: { name: 'plexd', version }, metrics: Array.from(byName.values(), metricOf) },
      ],
    })
  }
  if (count === 0) return undefined
  return { path: '/v1/metrics', headers: json, body: JSON.stringify({ resourceMetrics }), count }
}

const json = { 'content-type': 'application/json' }

type TimedSample = PointSample & { time: string }

/** AggregationTemporality of a counter that grows since some start. */
const cumulative = 2

function metricOf(samples: readonly TimedSample[]): object {
  const [first] = samples
  const { metric, name = '' } = first ?? {}
  if (!metric) return { name, gauge: { dataPoints: samples.map((sample) => pointOf(sample, 1)) } }
  const own = openTelemetryMetric(metric)
  const dataPoints = samples.map((sample) => pointOf(sample, own.scale))
  return {
    name: own.name,
    unit: own.unit,
    description: metric.help,
    ...kindOf(metric, dataPoints),
  }
}

function kindOf({ type }: Metric, dataPoints: readonly object[]): object {
  return type === 'counter'
    ? { sum: { aggregationTemporality: cumulative, isMonotonic: true, dataPoints } }
    : { gauge: { dataPoints } }
}

function pointOf({ labels, value, time }: TimedSample, scale: number): object {
  return { timeUnixNano: time, asDouble: value * scale, attributes: attributesOf(labels) }
}
