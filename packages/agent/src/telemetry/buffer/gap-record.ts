import type { AuditRecord, Gap, LogRecord, MetricPoint, TelemetryKind } from '@plexd/protocol'

/** Of whom the record tells that it is about. */
export interface GapTeller {
  kind: TelemetryKind
  hostname: string
}

/** The record that stands in the place of records that were dropped. Pure. */
export function gapRecord(
  gap: Gap,
  atMs: number,
  { kind, hostname }: GapTeller,
): MetricPoint | LogRecord | AuditRecord {
  const timestamp = new Date(atMs).toISOString()
  if (kind === 'metrics') return { timestamp, group: 'plexd', data: {}, gap }
  if (kind === 'audit') return { timestamp, source: 'plexd', event_type: 'gap', hostname, gap }
  const message = `${gap.count} log ${gap.count === 1 ? 'record' : 'records'} dropped: ${gap.reason}`
  return { timestamp, source: 'plexd', unit: 'plexd', severity: 'warn', message, hostname, gap }
}
