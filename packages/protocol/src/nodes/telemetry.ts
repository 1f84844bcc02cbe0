import { type Static, Type } from 'typebox'
import { mapOf, Timestamp, WholeNumber } from '../schemas/scalars.ts'

/** The three batches a node sends: JSON arrays or NDJSON, gzip or plain; the contents of records are stored unchanged. */
export const MetricPoint = Type.Object({
  timestamp: Timestamp,
  group: Type.String({
    minLength: 1,
    examples: ['node_resources', 'tunnel_health', 'peer_latency', 'agent_stats'],
  }),
  peer_id: Type.Optional(Type.String()),
  data: mapOf(Type.Unknown()),
})

/** Severities beyond the seed's four are normalised: emerg, alert, crit, err to error, warning to warn, notice to info. */
export const LogRecord = Type.Object({
  timestamp: Timestamp,
  source: Type.Optional(Type.String()),
  unit: Type.Optional(Type.String()),
  message: Type.String(),
  severity: Type.Optional(Type.String()),
  hostname: Type.Optional(Type.String()),
})

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
})
export type AuditRecord = Static<typeof AuditRecord>

/** Invalid records are counted and dropped, as long as at least one of the batch is valid. */
export const BatchResponse = Type.Object({ accepted: WholeNumber, dropped: WholeNumber })

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

export const TunnelReady = Type.Object({
  listen_addr: Type.String(),
  timestamp: Type.Optional(Timestamp),
})
export const TunnelClosed = Type.Object({
  reason: Type.Optional(Type.String()),
  duration: Type.Optional(Type.String()),
  timestamp: Type.Optional(Timestamp),
  // Our extensions, by our agent.
  detail: Type.Optional(Type.String({ maxLength: 1_024 })),
  bytes_in: Type.Optional(WholeNumber),
  bytes_out: Type.Optional(WholeNumber),
  recording_chunks: Type.Optional(WholeNumber),
})
export type TunnelClosed = Static<typeof TunnelClosed>
