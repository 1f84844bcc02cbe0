import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Follower } from '../log/log.ts'

/** Values that are read when the metrics are requested. */
export interface Gauges {
  streams(): number
  relays(): number
  /** How many nodes there are in each status. */
  nodes(): ReadonlyMap<string, number>
  /** How many alerts are open, by state and severity with a space between. */
  alerts(): ReadonlyMap<string, number>
  /** How many nodes run a binary that was judged so. */
  binaries(): Promise<ReadonlyMap<string, number>>
}

/** Of one kind of records of one forward. */
export interface ForwardCounts {
  name: string
  records: string
  sent: number
  refused: number
  removed: number
  lag_seconds: number
}

/** Of backups. */
export interface BackupHealth {
  /** Since 1970; undefined if none was made. */
  lastSuccessMs: number | undefined
  isFailing: boolean
}

/** Metrics for Prometheus. Labels never contain a tenant, a node or an operator. */
export interface Metrics extends Disposable {
  answered(operation: string, status: number, seconds: number): void
  committed(groupSize: number): void
  follow: Follower
  delivered(count: number): void
  /** Bytes of a relayed session, by who sent them: `client` or `node`. */
  relayed(from: string, count: number): void
  reportsDropped(count: number): void
  /** `duplicates` were stored before. */
  telemetry(kind: string, counts: { accepted: number; dropped: number; duplicates: number }): void
  /** Values of metrics that are in no series, by the reason. */
  valuesLeftOut(reason: string, count: number): void
  /** A file on a node is not what it should be; types that nobody has agreed on count as `other`. */
  violation(type: string): void
  /** What became of messages for webhooks. */
  alertMessage(outcome: 'delivered' | 'retried' | 'dropped', count?: number): void
  /** Read when the metrics are requested: the expiry in milliseconds since 1970, by certificate name. */
  showCertificates(ends: () => ReadonlyMap<string, number>): void
  /** Read when the metrics are requested. */
  showForwards(status: () => readonly ForwardCounts[]): void
  /** Read when the metrics are requested. */
  showBackups(health: () => BackupHealth): void
  wrongToken(api: string, outcome: string): void
  /** A connection was closed without an answer. */
  refused(reason: string): void
  /** The text of `GET /metrics`. */
  render(gauges: Gauges): Promise<{ contentType: string; text: string }>
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const counter = (name: string, help: string, ...labelNames: string[]): Counter =>
    new Counter({ name, help, labelNames, registers })
  const gauge = (name: string, help: string, ...labelNames: string[]): Gauge =>
    new Gauge({ name, help, labelNames, registers })
  const requests = new Histogram({
    name: 'plexd_http_request_duration_seconds',
    help: 'Time from the request line to the end of the answer',
    labelNames: ['operation', 'status'],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers,
  })
  const commits = new Histogram({
    name: 'plexd_commit_group_size',
    help: 'Units of work that shared a transaction and its fsync',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers,
  })
  const published = counter(
    'plexd_events_published_total',
    'Events committed to the log',
    'event_type',
  )
  const recipients = counter(
    'plexd_events_addressed_total',
    'Recipients of the events committed to the log',
    'event_type',
  )
  const deliveries = counter(
    'plexd_events_delivered_total',
    'Events that have left for a node, repeats included',
  )
  const records = counter(
    'plexd_telemetry_records_total',
    'Telemetry records received',
    'kind',
    'outcome',
  )
  const valuesLeftOut = counter(
    'plexd_metric_values_left_out_total',
    'Values of metrics in no series: the name is none (name), a week old (late), or a limit (node_series, program_series, hour)',
    'reason',
  )
  const violations = counter(
    'plexd_integrity_violations_total',
    'Files on nodes that were found not to be what they should be',
    'type',
  )
  const reportsDropped = counter(
    'plexd_report_entries_dropped_total',
    'Report entries of Go nodes that did not fit and were left out',
  )
  const wrongTokens = counter(
    'plexd_wrong_tokens_total',
    'Calls with a token that nobody has: refused with 401, throttled with 429',
    'api',
    'outcome',
  )
  const refusals = counter(
    'plexd_connections_refused_total',
    'Connections closed without an answer: silent, crowded (too many wait for a handshake), too_many',
    'reason',
  )
  const streams = gauge('plexd_event_streams_open', 'Open event streams of nodes')
  const relays = gauge(
    'plexd_session_relays_open',
    'Relayed sessions whose two sides are connected',
  )
  const relayedBytes = counter(
    'plexd_session_relay_bytes_total',
    'Bytes of relayed sessions, by who sent them: client or node',
    'from',
  )
  const nodes = gauge('plexd_nodes', 'Nodes by status', 'status')
  const binaries = gauge(
    'plexd_node_binaries',
    'Nodes by what their binary is: verified, mismatch, or unknown if nobody has said what its version is',
    'state',
  )
  const alerts = gauge('plexd_alerts', 'Alerts that are not resolved', 'state', 'severity')
  const alertMessages = counter(
    'plexd_alert_messages_total',
    'Messages for webhooks: delivered, retried (not taken, it is tried again), dropped',
    'outcome',
  )
  const lags = lagGauges(gauge)
  const memory = gauge('process_resident_memory_bytes', 'Resident memory')
  const cpu = counter('process_cpu_seconds_total', 'User and system CPU time')
  // With a timer of 10 ms instead, an idle control plane spent more on that than on anything else.
  const delay = monitorEventLoopDelay({ samplePerIteration: true })
  delay.enable()

  return {
    answered: (operation, status, seconds) =>
      requests.observe({ operation, status: String(status) }, seconds),
    committed: (groupSize) => commits.observe(groupSize),
    follow({ events }) {
      for (const { event_type, audience } of events) {
        published.inc({ event_type })
        recipients.inc({ event_type }, audience.length)
      }
    },
    delivered: (count) => deliveries.inc(count),
    relayed: (from, count) => relayedBytes.inc({ from }, count),
    reportsDropped: (count) => reportsDropped.inc(count),
    telemetry(kind, counts) {
      for (const [outcome, count] of Object.entries(counts)) records.inc({ kind, outcome }, count)
    },
    valuesLeftOut: (reason, count) => valuesLeftOut.inc({ reason }, count),
    violation: (type) =>
      violations.inc({ type: type === 'binary' || type === 'hook' ? type : 'other' }),
    alertMessage: (outcome, count = 1) => alertMessages.inc({ outcome }, count),
    showCertificates(ends) {
      new Gauge({
        name: 'plexd_certificate_not_after_timestamp_seconds',
        help: 'When a certificate ends that nodes and operators have to trust',
        labelNames: ['certificate'],
        registers,
        collect() {
          for (const [certificate, endsMs] of ends()) this.set({ certificate }, endsMs / 1_000)
        },
      })
    },
    showForwards(status) {
      showForwardCounts(status, registers)
    },
    showBackups(health) {
      showBackupHealth(health, registers)
    },
    wrongToken: (api, outcome) => wrongTokens.inc({ api, outcome }),
    refused: (reason) => refusals.inc({ reason }),
    async render(gauges) {
      streams.set(gauges.streams())
      relays.set(gauges.relays())
      for (const [status, count] of gauges.nodes()) nodes.set({ status }, count)
      alerts.reset()
      for (const [key, count] of gauges.alerts()) {
        const [state = '', severity = ''] = key.split(' ')
        alerts.set({ state, severity }, count)
      }
      for (const [state, count] of await gauges.binaries()) binaries.set({ state }, count)
      readLag(delay, lags)
      memory.set(process.memoryUsage.rss())
      const { user, system } = process.cpuUsage()
      cpu.reset()
      cpu.inc((user + system) / 1e6)
      return { contentType: registry.contentType, text: await registry.metrics() }
    },
    [Symbol.dispose]: () => void delay.disable(),
  }
}

function showBackupHealth(health: () => BackupHealth, registers: Registry[]): void {
  new Gauge({
    name: 'plexd_backup_last_success_timestamp_seconds',
    help: 'When the last backup was made; 0 if none was',
    registers,
    collect() {
      this.set((health().lastSuccessMs ?? 0) / 1_000)
    },
  })
  new Gauge({
    name: 'plexd_backup_failing',
    help: '1 if a scheduled backup failed, and none was made since',
    registers,
    collect() {
      this.set(health().isFailing ? 1 : 0)
    },
  })
}

function showForwardCounts(status: () => readonly ForwardCounts[], registers: Registry[]): void {
  new Counter({
    name: 'plexd_forward_records_total',
    help: 'What was passed on: log records or values of metrics that were sent or refused; removed: records that were kept no longer before',
    labelNames: ['forward', 'records', 'outcome'],
    registers,
    collect() {
      this.reset()
      for (const { name: forward, records, sent, refused, removed } of status())
        for (const [outcome, count] of Object.entries({ sent, refused, removed }))
          this.inc({ forward, records, outcome }, count)
    },
  })
  new Gauge({
    name: 'plexd_forward_lag_seconds',
    help: 'Since the oldest record came that was not passed on yet',
    labelNames: ['forward', 'records'],
    registers,
    collect() {
      for (const { name: forward, records, lag_seconds } of status())
        this.set({ forward, records }, lag_seconds)
    },
  })
}

/** One gauge each, because the label "quantile" is reserved for summaries. */
function lagGauges(
  gauge: (name: string, help: string) => Gauge,
): readonly { percentile: number; gauge: Gauge }[] {
  const gaugeOf = (percentile: number, name: string) => ({
    percentile,
    gauge: gauge(
      `plexd_event_loop_lag_${name}_seconds`,
      `How late the event loop is, ${name}, since the last reading`,
    ),
  })
  return [gaugeOf(50, 'median'), gaugeOf(99, 'p99'), gaugeOf(100, 'max')]
}

function readLag(
  delay: ReturnType<typeof monitorEventLoopDelay>,
  gauges: ReturnType<typeof lagGauges>,
): void {
  for (const { percentile, gauge } of gauges) gauge.set(delay.percentile(percentile) / 1e9)
  delay.reset()
}
