/** What nodes measure of themselves. A new metric is one row here, and the reading of it in the agent. */

/** `percent` and `milliseconds` are the units on the wire (wire contract 9.3); for Prometheus they become ratios and seconds. */
export type MetricUnit = 'percent' | 'bytes' | 'seconds' | 'milliseconds' | 'count'

export interface MetricRow {
  /** A counter only grows, until what counts is started anew. */
  type: 'gauge' | 'counter'
  unit: MetricUnit
  /** Starts in upper case, no full stop: also the help text for Prometheus. */
  help: string
}

/** The group is that of a point, and the key that of its `data`. */
export const metricGroups = {
  node_resources: {
    cpu_percent: gauge('percent', 'CPU time in use, of all cores together'),
    cpu_count: gauge('count', 'Cores that are online'),
    load_1: gauge('count', 'Load average of the last minute'),
    load_5: gauge('count', 'Load average of the last 5 minutes'),
    load_15: gauge('count', 'Load average of the last 15 minutes'),
    memory_used: gauge('bytes', 'Memory that is not available to programs'),
    memory_total: gauge('bytes', 'Memory of the machine'),
    swap_used: gauge('bytes', 'Swap in use'),
    swap_total: gauge('bytes', 'Swap of the machine'),
    disk_used: gauge('bytes', 'Used on the root file system'),
    disk_total: gauge('bytes', 'Size of the root file system'),
    data_disk_used: gauge('bytes', 'Used on the file system of the data folder of plexd'),
    data_disk_total: gauge('bytes', 'Size of the file system of the data folder of plexd'),
    network_rx_bytes: counter('bytes', 'Received on all interfaces but loopback and the mesh'),
    network_tx_bytes: counter('bytes', 'Sent on all interfaces but loopback and the mesh'),
    uptime_seconds: gauge('seconds', 'Since the machine was started'),
  },
  /** One point for each peer. */
  tunnel_health: {
    handshake_age_seconds: gauge('seconds', 'Since the last handshake with the peer'),
    rx_bytes: counter('bytes', 'Received from the peer through the tunnel'),
    tx_bytes: counter('bytes', 'Sent to the peer through the tunnel'),
    packet_loss_percent: gauge(
      'percent',
      'Probes of the last minutes that the peer did not answer',
    ),
  },
  /** One point for each peer. */
  peer_latency: {
    rtt_ms: gauge('milliseconds', 'Round trip to the mesh address of the peer'),
  },
  agent_stats: {
    uptime_seconds: gauge('seconds', 'Since plexd was started'),
    cpu_seconds: counter('seconds', 'CPU time of plexd'),
    memory_rss: gauge('bytes', 'Resident memory of plexd'),
    heap_used: gauge('bytes', 'JavaScript heap of plexd in use'),
    event_loop_lag_ms: gauge(
      'milliseconds',
      'How late the event loop of plexd was, p99 since the last point',
    ),
    stream_connects: counter('count', 'How often the event stream was opened'),
    clock_skew_seconds: gauge('seconds', 'How far the clock of the control plane is ahead'),
    queue_bytes: gauge('bytes', 'What waits for the control plane'),
    queue_dropped: counter('count', 'Records that had to give way to newer ones'),
    problems: gauge('count', 'Problems that plexd status shows'),
  },
} as const satisfies Record<string, Readonly<Record<string, MetricRow>>>

export type MetricGroup = keyof typeof metricGroups
export type MetricField<Group extends MetricGroup> = keyof (typeof metricGroups)[Group]
/** The `data` of a point of the group; what could not be measured is left out. */
export type MetricData<Group extends MetricGroup> = Partial<Record<MetricField<Group>, number>>

/** Groups of which there is one point for each peer. */
export const peerGroups: ReadonlySet<string> = new Set<MetricGroup>([
  'tunnel_health',
  'peer_latency',
])

export interface Metric extends MetricRow {
  group: MetricGroup
  field: string
  /** As operators name it: `node_resources.cpu_percent`. */
  name: string
}

export const metrics: readonly Metric[] = Object.entries(metricGroups).flatMap(([group, rows]) =>
  Object.entries(rows).map(([field, row]) => ({
    ...row,
    group: group as MetricGroup, // a key of the table
    field,
    name: `${group}.${field}`,
  })),
)

const prefixes: Readonly<Record<MetricGroup, string>> = {
  node_resources: 'plexd_node',
  tunnel_health: 'plexd_tunnel',
  peer_latency: 'plexd_peer',
  agent_stats: 'plexd_agent',
}

/** The word that a name ends with for Prometheus, what a value on the wire is multiplied by for it, and its unit in UCUM. */
const baseUnits: Readonly<Record<MetricUnit, { suffix: string; scale: number; ucum: string }>> = {
  percent: { suffix: '_ratio', scale: 0.01, ucum: '1' },
  bytes: { suffix: '_bytes', scale: 1, ucum: 'By' },
  seconds: { suffix: '_seconds', scale: 1, ucum: 's' },
  milliseconds: { suffix: '_seconds', scale: 0.001, ucum: 's' },
  // In braces it is a remark: a plain 1 would be taken for a ratio.
  count: { suffix: '', scale: 1, ucum: '{count}' },
}

/** Its name and scale by the conventions of Prometheus (prometheus.io/docs/practices/naming): base units, `_total` for counters. */
export function prometheusMetric({ group, field, type, unit }: Metric): {
  name: string
  scale: number
} {
  const { suffix, scale } = baseUnits[unit]
  const total = type === 'counter' ? '_total' : ''
  return { name: `${prefixes[group]}_${stemOf(field)}${suffix}${total}`, scale }
}

/** Its name, scale and unit by the conventions of OpenTelemetry. Whoever makes it one of Prometheus gets the name of {@link prometheusMetric}. */
export function openTelemetryMetric({ group, field, unit }: Metric): {
  name: string
  scale: number
  unit: string
} {
  const { scale, ucum } = baseUnits[unit]
  return { name: `${prefixes[group].replace('_', '.')}.${stemOf(field)}`, scale, unit: ucum }
}

/** Without its unit. */
function stemOf(field: string): string {
  return field.replace(/_(percent|ms|seconds|bytes)$/, '')
}

function gauge(unit: MetricUnit, help: string): MetricRow {
  return { type: 'gauge', unit, help }
}

function counter(unit: MetricUnit, help: string): MetricRow {
  return { type: 'counter', unit, help }
}
