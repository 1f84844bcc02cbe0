import { type Static, Type } from 'typebox'
import { Count, mapOf, Timestamp, WholeNumber } from '../schemas/scalars.ts'

/** What stands in the place of records that a node had to drop: an extension of ours. */
export const Gap = Type.Object({
  /** How many were dropped. */
  count: Count,
  /** The position of the first of them in the queue of the node. */
  first: Count,
  reason: Type.String({ maxLength: 256, examples: ['the queue was full'] }),
})
export type Gap = Static<typeof Gap>

const gap = Type.Optional(Gap)

/** The three batches a node sends: JSON arrays or NDJSON, gzip or plain; the contents of records are stored unchanged. */
export const MetricPoint = Type.Object({
  timestamp: Timestamp,
  group: Type.String({
    minLength: 1,
    examples: ['node_resources', 'tunnel_health', 'peer_latency', 'agent_stats'],
  }),
  peer_id: Type.Optional(Type.String()),
  data: mapOf(Type.Unknown()),
  gap,
})
export type MetricPoint = Static<typeof MetricPoint>

/** Severities beyond the seed's four are normalised: emerg, alert, crit, err to error, warning to warn, notice to info. */
export const LogRecord = Type.Object({
  timestamp: Timestamp,
  source: Type.Optional(Type.String()),
  unit: Type.Optional(Type.String()),
  message: Type.String(),
  severity: Type.Optional(Type.String()),
  hostname: Type.Optional(Type.String()),
  /** An extension of ours: what a program logs beside its message. */
  fields: Type.Optional(mapOf(Type.Unknown())),
  gap,
})
export type LogRecord = Static<typeof LogRecord>

/** `subject` and `object` are any JSON: objects in the seed, a string from the Go agent. */
export const AuditRecord = Type.Object({
  timestamp: Timestamp,
  source: Type.Optional(Type.String()),
  event_type: Type.String(),
  subject: Type.Optional(Type.Unknown()),
  object: Type.Optional(Type.Unknown()),
  action: Type.Optional(Type.String()),
  result: Type.Optional(Type.String()),
  hostname: Type.Optional(Type.String()),
  raw: Type.Optional(Type.String()),
  gap,
})
export type AuditRecord = Static<typeof AuditRecord>

/** Of a log record, from the least to the most severe (seed, Observability). */
export const severities = ['debug', 'info', 'warn', 'error'] as const
export type Severity = (typeof severities)[number]

/** Invalid records are counted and dropped, as long as at least one of the batch is valid. */
export const BatchResponse = Type.Object({
  accepted: WholeNumber,
  dropped: WholeNumber,
  // Our extensions.
  duplicates: Type.Optional(Type.Integer({ description: 'Records that had come before' })),
  refusals: Type.Optional(
    Type.Array(Type.Object({ record: WholeNumber, reason: Type.String() }), {
      description: 'Why records were dropped: the first ten, by their place in the batch',
    }),
  ),
})
export type BatchResponse = Static<typeof BatchResponse>

export const telemetryKinds = { metrics: MetricPoint, logs: LogRecord, audit: AuditRecord } as const
export type TelemetryKind = keyof typeof telemetryKinds

export const IntegrityViolation = Type.Object({
  type: Type.String({ examples: ['binary', 'hook'] }),
  path: Type.String(),
  expected_checksum: Type.Optional(Type.String()),
  actual_checksum: Type.Optional(Type.String()),
  detail: Type.Optional(Type.String()),
  timestamp: Type.Optional(Timestamp),
})
export type IntegrityViolation = Static<typeof IntegrityViolation>
