import {
  formatFieldName,
  isGroupName,
  type Label,
  type MetricPoint,
  metrics,
  metricValues,
  readFieldName,
} from '@plexd/protocol'

/** A series, as it is told from all others of a node. */
export interface SeriesId {
  /** See {@link seriesKey}. */
  key: string
  /** As in `node_resources.cpu_percent`, without labels. */
  name: string
  /** Whether a program of the node sends it, and not plexd itself. */
  isProgram: boolean
}

/** A value of one series. */
export interface Sample {
  series: SeriesId
  value: number
}

/** What a point says. */
export interface PointSamples {
  /** When it was measured, by the clock of the node: milliseconds since 1970. */
  atMs: number
  samples: readonly Sample[]
  /** How many values have a name that is none. */
  nameless: number
}

const declared: ReadonlyMap<string, { type: string }> = new Map(
  metrics.map((metric) => [metric.name, metric]),
)
const peerName = /^[\w.:-]{1,64}$/

export function isProgramMetric(name: string): boolean {
  return !declared.has(name)
}

/** Of programs, by the convention of Prometheus. */
export function isCounterMetric(name: string): boolean {
  const metric = declared.get(name)
  return metric ? metric.type === 'counter' : name.endsWith('_total')
}

/** Which series a value is of, by what a point says of it; undefined if a name is none. */
export type IdentifySeries = (
  group: string,
  peerId: string | undefined,
  field: string,
) => SeriesId | undefined

/** The values of a point; undefined for one without a time. */
export function samplesOf(
  point: MetricPoint,
  identify: IdentifySeries = identifySeries,
): PointSamples | undefined {
  const read = metricValues(point)
  if (!read) return undefined
  const { group, peer_id, atMs, values } = read
  const samples: Sample[] = []
  let nameless = 0
  for (const field in values) {
    const series = identify(group, peer_id, field)
    if (series) samples.push({ series, value: values[field] ?? 0 })
    else nameless++
  }
  return { atMs, samples, nameless }
}

function identifySeries(
  group: string,
  peerId: string | undefined,
  field: string,
): SeriesId | undefined {
  if (!isGroupName(group) || (peerId !== undefined && !peerName.test(peerId))) return undefined
  const plain = `${group}.${field}`
  if (declared.has(plain)) return { key: seriesKey(plain, peerId), name: plain, isProgram: false }
  const read = readFieldName(field)
  if ('fault' in read) return undefined
  const key = seriesKey(`${group}.${formatFieldName(read)}`, peerId)
  return { key, name: `${group}.${read.name}`, isProgram: true }
}

/** Some 30 MB, and more than what 50 nodes with as many series of programs as they may have send. */
const remembered = 100_000

/** The same, remembered: nodes send the same names all the time. */
export function rememberSeries(max = remembered): IdentifySeries {
  const known = new Map<string, Map<string, Map<string, SeriesId | undefined>>>()
  let size = 0
  return (group, peerId, field) => {
    const ofGroup = known.getOrInsertComputed(group, () => new Map())
    const ofPeer = ofGroup.getOrInsertComputed(peerId ?? '', () => new Map())
    const before = ofPeer.get(field)
    if (before) return before
    const series = identifySeries(group, peerId, field)
    if (size++ >= max) {
      known.clear()
      size = 0
    } else if (series) ofPeer.set(field, series)
    return series
  }
}

/** The key of a series: a metric with its labels, and behind a space the peer that it is of. */
function seriesKey(series: string, peerId: string | undefined): string {
  return peerId === undefined ? series : `${series} ${peerId}`
}

export interface SeriesName {
  name: string
  labels: readonly Label[]
  peerId: string | undefined
}

const keyParts = /^([^ {]*)(\{.*\})?(?: ([^ }]+))?$/s

/** Of a key that {@link seriesKey} has made. */
export function readSeriesKey(key: string): SeriesName {
  const [, name = '', labels, peerId] = keyParts.exec(key) ?? []
  return { name, labels: labels === undefined ? [] : labelsIn(labels), peerId }
}

/** Without its labels and its peer; without taking these apart. */
export function nameOfKey(key: string): string {
  const end = key.search(/[ {]/)
  return end === -1 ? key : key.slice(0, end)
}

function labelsIn(text: string): readonly Label[] {
  const read = readFieldName(`x${text}`)
  return 'fault' in read ? [] : read.labels
}
