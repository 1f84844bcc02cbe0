import type { Instruments } from './instruments.ts'

/** What nodes send, and what came of it. */
export function createRecordMetrics({ counter }: Instruments) {
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
  const alertMessages = counter(
    'plexd_alert_messages_total',
    'Messages for webhooks: delivered, retried (not taken, it is tried again), dropped',
    'outcome',
  )
  return {
    reportsDropped: (count: number) => reportsDropped.inc(count),
    /** `duplicates` were stored before. */
    telemetry(kind: string, counts: { accepted: number; dropped: number; duplicates: number }) {
      for (const [outcome, count] of Object.entries(counts)) records.inc({ kind, outcome }, count)
    },
    /** Values of metrics that are in no series, by the reason. */
    valuesLeftOut: (reason: string, count: number) => valuesLeftOut.inc({ reason }, count),
    /** A file on a node is not what it should be; types that nobody has agreed on count as `other`. */
    violation: (type: string) =>
      violations.inc({ type: type === 'binary' || type === 'hook' ? type : 'other' }),
    /** What became of messages for webhooks. */
    alertMessage: (outcome: 'delivered' | 'retried' | 'dropped', count = 1) =>
      alertMessages.inc({ outcome }, count),
  }
}
