import type { metricGroups } from './metrics.ts'
import type { MetricPoint } from './records.ts'

/** The metrics of a point, under the names of ours. */
export interface PointValues {
  group: string
  /** Of a group with a point for each peer. */
  peer_id?: string
  /** In milliseconds since 1970. */
  atMs: number
  values: Readonly<Record<string, number>>
}

interface GoField {
  field: string
  convert?(value: number): number | undefined
}

interface GoGroup {
  group: keyof typeof metricGroups
  fields: Readonly<Record<string, GoField>>
}

/** How the Go agent names what we measure too (wire contract 9.3). */
const goGroups: Readonly<Record<string, GoGroup>> = {
  system: {
    group: 'node_resources',
    fields: {
      cpu_usage_percent: { field: 'cpu_percent' },
      memory_used_bytes: { field: 'memory_used' },
      memory_total_bytes: { field: 'memory_total' },
      disk_used_bytes: { field: 'disk_used' },
      disk_total_bytes: { field: 'disk_total' },
    },
  },
  tunnel: { group: 'tunnel_health', fields: {} },
  latency: {
    group: 'peer_latency',
    // -1 says that there was no answer.
    fields: {
      rtt_nano: { field: 'rtt_ms', convert: (ns) => (ns < 0 ? undefined : ns / 1e6) },
    },
  },
}

/** The names under which points of one of our groups come: ours, and that of the Go agent. */
export function groupNames(group: string): string[] {
  const others = Object.entries(goGroups).filter(([, go]) => go.group === group)
  return [group, ...others.map(([name]) => name)]
}

/** What is not a number has no place among metrics, and is left out; undefined for a point without a time. */
export function metricValues(point: MetricPoint): PointValues | undefined {
  const atMs = Date.parse(point.timestamp)
  if (Number.isNaN(atMs)) return undefined
  const go = Object.hasOwn(goGroups, point.group) ? goGroups[point.group] : undefined
  const values: Record<string, number> = Object.create(null)
  for (const [key, value] of Object.entries(point.data)) {
    if (typeof value !== 'number' || !Number.isFinite(value)) continue
    const own = go && Object.hasOwn(go.fields, key) ? go.fields[key] : undefined
    const { field, convert } = own ?? { field: key }
    const converted = convert ? convert(value) : value
    if (converted !== undefined) values[field] = converted
  }
  addHandshakeAge(point, atMs, values)
  const { peer_id } = point
  return {
    group: go?.group ?? point.group,
    ...(peer_id === undefined ? {} : { peer_id }),
    atMs,
    values,
  }
}

/** The Go agent sends the time of the last handshake in place of its age. */
function addHandshakeAge(
  { group, data }: MetricPoint,
  atMs: number,
  values: Record<string, number>,
): void {
  const { last_handshake_time } = data
  if (group !== 'tunnel' || typeof last_handshake_time !== 'string') return
  const handshakeMs = Date.parse(last_handshake_time)
  // Go's zero time is in the year 1.
  if (handshakeMs > 0) values.handshake_age_seconds = Math.max(0, (atMs - handshakeMs) / 1_000)
}
