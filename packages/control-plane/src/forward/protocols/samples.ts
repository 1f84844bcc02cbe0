import { type Metric, type MetricPoint, metrics, metricValues, peerGroups } from '@plexd/protocol'

/** One value of a point. */
export interface PointSample {
  /** Undefined for one that we do not know: of a program on the node, or of a newer plexd. */
  metric: Metric | undefined
  /** What it is called for Prometheus if it is not known. */
  name: string
  labels: Readonly<Record<string, string>>
  value: number
  /** Milliseconds since 1970. */
  atMs: number
}

const known: ReadonlyMap<string, Metric> = new Map(metrics.map((metric) => [metric.name, metric]))

/** The values of a point; none for a point that holds none, or no time. `nameOf` gives the hostname of a peer. */
export function samplesOf(
  point: MetricPoint,
  nameOf: (id: string) => string | undefined,
): PointSample[] {
  const read = metricValues(point)
  if (!read) return []
  const { group, peer_id, atMs, values } = read
  const peer: Readonly<Record<string, string>> =
    peer_id === undefined || !peerGroups.has(group)
      ? {}
      : { peer: nameOf(peer_id) ?? peer_id, peer_id }
  return Object.entries(values).map(([field, value]) => {
    const metric = known.get(`${group}.${field}`)
    const { name, labels } = seriesOf(group, field)
    return { metric, name, labels: { ...labels, ...peer }, value, atMs }
  })
}

const scraped = /^scrape\.(.+)$/

/** What was scraped has the name and labels that its program gave it; all else is called after its group. */
function seriesOf(
  group: string,
  field: string,
): { name: string; labels: Readonly<Record<string, string>> } {
  const [, program] = scraped.exec(group) ?? []
  if (program === undefined) return { name: nameFrom(`${group}_${field}`), labels: {} }
  const [name = '', ...rest] = field.split('{')
  return { name: nameFrom(name), labels: { ...labelsIn(rest.join('{')), program } }
}

function labelsIn(text: string): Record<string, string> {
  const pairs = text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)
  return Object.fromEntries(Array.from(pairs, ([, name = '', value = '']) => [name, plain(value)]))
}

function plain(escaped: string): string {
  return escaped.replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter))
}

/** With underscores for what no name of Prometheus has. */
function nameFrom(text: string): string {
  const name = text.replace(/[^a-zA-Z0-9_:]/g, '_')
  return /^[0-9]/.test(name) ? `_${name}` : name
}
