import { type AuditRecord, type LogRecord, logLine } from '@plexd/protocol'
import {
  type ForwardRequest,
  nanosecondsOf,
  type Outgoing,
  type OutgoingAudit,
  type OutgoingLog,
} from './outgoing.ts'

/** The line of a log record is its message and its fields, which `| logfmt` reads. Undefined without a record. */
export function lokiLogsRequest(records: readonly OutgoingLog[]): ForwardRequest | undefined {
  return requestOf(records, {
    job: 'plexd/logs',
    labelsOf: ({ unit, severity, source }: LogRecord) => ({ unit, severity, source }),
    lineOf: logLine,
  })
}

/** The line of an audit record is its JSON. */
export function lokiAuditRequest(records: readonly OutgoingAudit[]): ForwardRequest | undefined {
  return requestOf(records, {
    job: 'plexd/audit',
    labelsOf: ({ source }: AuditRecord) => ({ source }),
    lineOf: (record) => JSON.stringify(record),
  })
}

interface Form<Record> {
  job: string
  /** Few, of few values: each combination is a stream. */
  labelsOf: (record: Record) => Readonly<{ [label: string]: string | undefined }>
  lineOf: (record: Record) => string
}

/** The body of `POST /loki/api/v1/push` as JSON. */
function requestOf<Record extends { timestamp: string }>(
  records: readonly Outgoing<Record>[],
  { job, labelsOf, lineOf }: Form<Record>,
): ForwardRequest | undefined {
  if (records.length === 0) return undefined
  const streams = new Map<string, [at: bigint, line: string][]>()
  for (const { origin, record, received_at } of records) {
    // JSON leaves out what is undefined. An empty label is none.
    const labels = JSON.stringify(
      { job, tenant: origin.tenant, node: origin.hostname, ...labelsOf(record) },
      (_, value) => (value === '' ? undefined : value),
    )
    const lines = streams.getOrInsertComputed(labels, () => [])
    lines.push([nanosecondsOf(record, received_at), lineOf(record)])
  }
  const body = {
    streams: Array.from(streams, ([labels, lines]) => ({
      stream: JSON.parse(labels),
      values: lines
        .sort(([one], [other]) => (one < other ? -1 : Number(one > other)))
        .map(([at, line]) => [String(at), line]),
    })),
  }
  return {
    path: '',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    count: records.length,
  }
}
