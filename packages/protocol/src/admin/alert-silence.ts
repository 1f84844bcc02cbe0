import { type Static, Type } from 'typebox'
import { GivenName, NodeId, nullable, Timestamp } from '../schemas/scalars.ts'
import { AlertRuleName } from './alert-rule.ts'

/** Alerts that meet all that is given of these are not told to webhooks. */
export const AlertSilenceSpec = Type.Object(
  {
    rule: Type.Optional(AlertRuleName),
    node: Type.Optional(
      Type.String({ minLength: 1, maxLength: 253, description: 'Id or hostname' }),
    ),
    selector: Type.Optional(
      Type.String({ minLength: 1, maxLength: 1_024, description: 'Labels; "*" for every node' }),
    ),
    for: Type.String({
      description: 'Go duration, from "1m" to "8760h"; it begins now',
      examples: ['2h'],
    }),
    reason: GivenName,
  },
  // Strict: ignoring a misspelt field would silence more than was meant.
  { additionalProperties: false },
)
export type AlertSilenceSpec = Static<typeof AlertSilenceSpec>

export const AlertSilence = Type.Object({
  id: Type.String({ examples: ['sil_a1b2c3d4'] }),
  rule: nullable(Type.String()),
  node_id: nullable(NodeId),
  node: nullable(Type.String(), {
    description: 'The hostname of the node; empty if nobody knows it any more',
  }),
  selector: nullable(Type.String()),
  reason: Type.String(),
  created_by: Type.String({ description: 'The operator, by the name of the token' }),
  created_at: Timestamp,
  ends_at: Timestamp,
  ended_by: nullable(Type.String({ description: 'Who ended it before its time' })),
})
export type AlertSilence = Static<typeof AlertSilence>
