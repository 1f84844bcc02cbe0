import type { AuditRecord, LogRecord, Severity } from '@plexd/protocol'
import { version } from '../../version.ts'
import { anyValueOf, attributesOf, resourceOf } from './otlp-values.ts'
import {
  type ForwardRequest,
  nanosecondsOf,
  type Outgoing,
  type OutgoingAudit,
  type OutgoingLog,
} from './outgoing.ts'

/** SeverityNumber of the data model of logs. */
const severityNumbers: Readonly<Record<Severity, number>> = {
  debug: 5,
  info: 9,
  warn: 13,
  error: 17,
}

/** ExportLogsServiceRequest as JSON: a resource for each unit of each node. Undefined without a record. */
export function otlpLogsRequest(records: readonly OutgoingLog[]): ForwardRequest | undefined {
  return requestOf(records, ({ unit, source }) => unit ?? source, logOf)
}

/** The same for audit records: the body is the whole record as JSON. */
export function otlpAuditRequest(records: readonly OutgoingAudit[]): ForwardRequest | undefined {
  return requestOf(records, ({ source }) => source, auditOf)
}

function requestOf<Record extends { timestamp: string }>(
  records: readonly Outgoing<Record>[],
  serviceOf: (record: Record) => string | undefined,
  bodyOf: (record: Record) => object,
): ForwardRequest | undefined {
  if (records.length === 0) return undefined
  const programs = Map.groupBy(records, ({ origin, record }) =>
    JSON.stringify([origin.node_id, serviceOf(record)]),
  )
  const resourceLogs = Array.from(programs.values(), (ofProgram) => {
    const [first] = ofProgram
    const logRecords = ofProgram.map(({ record, received_at }) => ({
      timeUnixNano: String(nanosecondsOf(record, received_at)),
      observedTimeUnixNano: String(BigInt(received_at) * 1_000_000n),
      ...bodyOf(record),
    }))
    return {
      // The convention for a program that has no name.
      resource: first && resourceOf(first.origin, serviceOf(first.record) ?? 'unknown_service'),
      scopeLogs: [{ scope: { name: 'plexd', version }, logRecords }],
    }
  })
  return {
    path: '/v1/logs',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceLogs }),
    count: records.length,
  }
}

function logOf({ message, severity = '', source, unit, fields = {}, gap }: LogRecord): object {
  return {
    severityNumber: severityNumbers[severity as Severity] ?? 0, // 0 for a word of others
    severityText: severity,
    body: { stringValue: message },
    attributes: [
      ...attributesOf({
        'plexd.source': source,
        'plexd.unit': unit,
        'plexd.gap': gap && String(gap.count),
      }),
      ...Object.entries(fields).map(([key, value]) => ({ key, value: anyValueOf(value) })),
    ],
  }
}

function auditOf(record: AuditRecord): object {
  const { event_type, action, result, source, gap } = record
  return {
    eventName: event_type,
    severityNumber: severityNumbers.info,
    severityText: 'info',
    body: { stringValue: JSON.stringify(record) },
    attributes: attributesOf({
      'plexd.source': source,
      'plexd.audit.event_type': event_type,
      'plexd.audit.action': action,
      'plexd.audit.result': result,
      'plexd.gap': gap && String(gap.count),
    }),
  }
}
