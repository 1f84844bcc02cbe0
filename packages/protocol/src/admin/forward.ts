import { type Static, Type } from 'typebox'
import { nullable, Timestamp, WholeNumber } from '../schemas/scalars.ts'

/** How far the control plane has passed on one kind of records to one target of its settings. */
export const ForwardStatus = Type.Object({
  name: Type.String({ description: 'As in the settings' }),
  kind: Type.Enum(['otlp', 'loki', 'remote-write']),
  url: Type.String({ description: 'Without its query' }),
  tenant: nullable(Type.String(), {
    description: 'The only one whose records are passed on; null for all',
  }),
  selector: nullable(Type.String(), {
    description: 'The only nodes whose records are passed on; null for all',
  }),
  records: Type.Enum(['metrics', 'logs', 'audit']),
  sent: Type.Integer({ minimum: 0, description: 'Log records, or values of metrics' }),
  refused: Type.Integer({ minimum: 0, description: 'Those that the target does not take' }),
  removed: Type.Integer({
    minimum: 0,
    description: 'Records that were kept no longer before they could be sent',
  }),
  lag_seconds: WholeNumber,
  sent_at: nullable(Timestamp),
  error: nullable(Type.String(), {
    description: 'Why what was sent last was not taken; null if it was',
  }),
  error_at: nullable(Timestamp),
})
export type ForwardStatus = Static<typeof ForwardStatus>

/** A node for HTTP service discovery of Prometheus. */
export const PrometheusTarget = Type.Object({
  targets: Type.Array(Type.String({ examples: ['10.100.0.2:9100'] })),
  labels: Type.Record(Type.String(), Type.String()),
})
export type PrometheusTarget = Static<typeof PrometheusTarget>
