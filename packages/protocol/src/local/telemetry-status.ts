import { type Static, Type } from 'typebox'
import { nullable, Timestamp, WholeNumber } from '../schemas/scalars.ts'

/** Where records of a kind come from on this node. */
export const SourceStatus = Type.Object({
  name: Type.String({ examples: ['journald', '/var/log/nginx/access.log'] }),
  state: Type.Enum(['running', 'waiting', 'failed']),
  /** Why it waits or has failed, or what it reads; may be empty. */
  detail: Type.String(),
})
export type SourceStatus = Static<typeof SourceStatus>

/** What this node collects of a kind, and how far the control plane has it. */
export const TelemetryStatus = Type.Object({
  kind: Type.Enum(['metrics', 'logs', 'audit']),
  enabled: Type.Boolean(),
  /** Why nothing is collected; empty if it is. */
  reason: Type.String(),
  /** What waits for the control plane, on the disk. */
  records: WholeNumber,
  bytes: WholeNumber,
  max_bytes: WholeNumber,
  /** The age of the oldest that waits. */
  lag_seconds: WholeNumber,
  /** Since the start: stored by the control plane; dropped here, as gap records tell; refused by the control plane for good. */
  sent: WholeNumber,
  dropped: WholeNumber,
  refused: WholeNumber,
  /** The newest reason for which one was dropped or refused; empty for none. */
  last_loss: Type.String(),
  last_sent_at: nullable(Timestamp),
  /** Why the last attempt to send failed; empty if it did not. */
  last_error: Type.String(),
  sources: Type.Array(SourceStatus),
})
export type TelemetryStatus = Static<typeof TelemetryStatus>
