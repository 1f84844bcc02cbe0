import type { AuditRecord, LogRecord, MetricPoint } from '@plexd/protocol'

/** The node that sent a record. */
export interface Origin {
  node_id: string
  hostname: string
  /** The name. */
  tenant: string
}

/** A record that is to be passed on. */
export interface Outgoing<Record> {
  origin: Origin
  /** Milliseconds since 1970. */
  received_at: number
  record: Record
  /** Of its JSON. */
  bytes: number
}

export type OutgoingPoint = Outgoing<MetricPoint>
export type OutgoingLog = Outgoing<LogRecord>
export type OutgoingAudit = Outgoing<AuditRecord>

/** What a target is sent at once. */
export interface ForwardRequest {
  /** Behind the path of the URL. */
  path: string
  headers: Readonly<Record<string, string>>
  body: string | Uint8Array
  /** Log records, or values of metrics. */
  count: number
}

/** Nanoseconds since 1970 have 63 bits with Loki: from the year 2262 on, it refuses all that is sent with it. */
const latestMs = 2 ** 63 / 1e6

/** When it was observed, in nanoseconds since 1970: as exact as the record says; when it was received, if targets know no such time. */
export function nanosecondsOf({ timestamp }: { timestamp: string }, received_at: number): bigint {
  const ms = Date.parse(timestamp)
  if (!(ms >= 0 && ms < latestMs)) return BigInt(received_at) * 1_000_000n
  const [, fraction = ''] = /\.(\d{1,9})/.exec(timestamp) ?? []
  return BigInt(Math.floor(ms / 1_000)) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'))
}
