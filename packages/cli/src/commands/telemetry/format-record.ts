import {
  type AuditRecord,
  type Gap,
  type LogRecord,
  logLine,
  type TelemetryRecord,
} from '@plexd/protocol'
import { jsonText } from '@plexd/runtime'

/** A log record as journalctl shows it, with the node in front. */
export function formatLog(found: TelemetryRecord): string {
  const { timestamp, severity, unit, message, fields = {}, gap } = membersOf<LogRecord>(found)
  const origin = [unit, severity].filter(Boolean).join(' ')
  const said = message === undefined ? jsonText(found.record) : logLine({ message, fields })
  const text = gap ? formatGap(gap) : said
  return `${timestamp ?? found.received_at}  ${nodeOf(found)}  ${origin}: ${text}`
}

/** Who did what to what, and whether it worked. */
export function formatAudit(found: TelemetryRecord): string {
  const { timestamp, event_type, subject, action, object, result, gap } =
    membersOf<AuditRecord>(found)
  const parts = gap
    ? [formatGap(gap)]
    : [shown(subject), action, shown(object), result && `(${result})`].filter(Boolean)
  return `${timestamp ?? found.received_at}  ${nodeOf(found)}  ${event_type ?? ''}: ${parts.join(' ')}`
}

function nodeOf({ node_hostname, node_id }: TelemetryRecord): string {
  return node_hostname || node_id
}

/** The members of what the node wrote; none of something that is not an object. */
function membersOf<Members>({ record }: TelemetryRecord): Partial<Members> {
  return typeof record === 'object' && record !== null ? record : {}
}

function formatGap({ count, reason }: Gap): string {
  return `${count} records are missing here: ${reason}`
}

function shown(value: unknown): string | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined
  return jsonText(value)
}
