import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { prometheusMetric } from '@plexd/protocol'
import { compress } from 'snappyjs'
import type { ForwardRequest, Origin, OutgoingPoint } from './outgoing.ts'
import { type PointSample, samplesOf } from './samples.ts'

/** A series of Prometheus with its samples, the oldest first. */
export interface Series {
  labels: Readonly<Record<string, string>>
  samples: { value: number; atMs: number }[]
}

/** A WriteRequest of remote write 1.0. Undefined without a value. */
export function remoteWriteRequest(
  points: readonly OutgoingPoint[],
  nameOf: (id: string) => string | undefined,
): ForwardRequest | undefined {
  const series = new Map<string, Series>()
  let count = 0
  for (const { origin, record } of points)
    for (const sample of samplesOf(record, nameOf)) {
      const labels = labelsOf(origin, sample)
      const { samples } = series.getOrInsertComputed(JSON.stringify(labels), () => ({
        labels,
        samples: [],
      }))
      const { scale } = sample.metric ? prometheusMetric(sample.metric) : { scale: 1 }
      samples.push({ value: sample.value * scale, atMs: sample.atMs })
      count++
    }
  if (count === 0) return undefined
  for (const { samples } of series.values()) samples.sort((one, other) => one.atMs - other.atMs)
  return { path: '', headers, body: compress(writeRequest(series.values())), count }
}

const headers = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0', // what the specification of 1.0 wants here
}

/** Sorted by name, as the specification wants them. */
function labelsOf(origin: Origin, { metric, name, labels }: PointSample): Record<string, string> {
  const all = {
    ...labels,
    __name__: metric ? prometheusMetric(metric).name : name,
    job: 'plexd',
    instance: origin.hostname,
    node: origin.hostname,
    node_id: origin.node_id,
    tenant: origin.tenant,
  }
  const pairs = Object.entries(all).filter(([, value]) => value !== '')
  return Object.fromEntries(pairs.sort(([one], [other]) => (one < other ? -1 : 1)))
}

/** Field numbers of prompb/remote.proto and types.proto. */
const field = {
  request: { timeseries: 1 },
  series: { labels: 1, samples: 2 },
  label: { name: 1, value: 2 },
  sample: { value: 1, timestamp: 2 },
} as const

function writeRequest(series: Iterable<Series>): Uint8Array {
  const writer = new BinaryWriter()
  for (const { labels, samples } of series) {
    writer.tag(field.request.timeseries, WireType.LengthDelimited).fork()
    for (const [name, value] of Object.entries(labels)) {
      writer.tag(field.series.labels, WireType.LengthDelimited).fork()
      writer.tag(field.label.name, WireType.LengthDelimited).string(name)
      writer.tag(field.label.value, WireType.LengthDelimited).string(value)
      writer.join()
    }
    for (const { value, atMs } of samples) {
      writer.tag(field.series.samples, WireType.LengthDelimited).fork()
      writer.tag(field.sample.value, WireType.Bit64).double(value)
      writer.tag(field.sample.timestamp, WireType.Varint).int64(atMs)
      writer.join()
    }
    writer.join()
  }
  return writer.finish()
}
