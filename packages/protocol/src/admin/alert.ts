import { type Static, Type } from 'typebox'
import { NodeId, nullable, Timestamp } from '../schemas/scalars.ts'
import { AlertSeverity } from './alert-rule.ts'

/** `pending` until the condition has held for the time that the rule wants. */
export const AlertState = Type.Enum(['pending', 'firing', 'resolved'])
export type AlertState = Static<typeof AlertState>

/** A rule holds for a node, or did. */
export const Alert = Type.Object({
  id: Type.String({ examples: ['alr_a1b2c3d4'] }),
  rule: Type.String(),
  severity: AlertSeverity,
  state: AlertState,
  node: Type.String({ description: 'The hostname that the node had when it began' }),
  node_id: NodeId,
  summary: Type.String({ description: 'What was seen when it began, or when it fired' }),
  value: nullable(Type.Number(), { description: 'Of the metric, then' }),
  since: Timestamp,
  fired_at: nullable(Timestamp),
  resolved_at: nullable(Timestamp),
  reason: Type.String({ description: 'Why it was resolved; empty until then' }),
})
export type Alert = Static<typeof Alert>

/** As it is listed. */
export const ListedAlert = Type.Interface([Alert], {
  silenced_until: nullable(Timestamp, {
    description: 'Until when nobody is told of it; null if it is not silenced, or over',
  }),
})
export type ListedAlert = Static<typeof ListedAlert>

/** What a webhook is sent: alerts of one rule that have fired, or were resolved, at one time. */
export const AlertMessage = Type.Object({
  type: Type.Enum(['alert.firing', 'alert.resolved', 'alert.test']),
  timestamp: Timestamp,
  data: Type.Object({
    rule: Type.String(),
    severity: AlertSeverity,
    alerts: Type.Array(Alert),
  }),
})
export type AlertMessage = Static<typeof AlertMessage>
