import { type Static, Type } from 'typebox'
import { RuleAction } from '../policies/policy.ts'

/** A rule, a data entry or a secret that applies to other nodes when the label changes. */
export const LabelUse = Type.Object({
  kind: Type.Enum(['policy', 'data', 'secret']),
  name: Type.String(),
  rule: Type.Optional(Type.Integer({ description: 'Of the policy, from 0' })),
  action: Type.Optional(RuleAction),
  selector: Type.String(),
  nodes: Type.Integer({ description: 'How many it would have no longer, or anew' }),
})
export type LabelUse = Static<typeof LabelUse>

/** A label from before labels and reported metadata were separate: it may have been set by an operator or claimed by the node. */
export const UnconfirmedLabel = Type.Object({
  key: Type.String(),
  nodes: Type.Integer({ description: 'How many have it' }),
  hostnames: Type.Array(Type.String(), { description: 'Of the first 100 of them' }),
  values: Type.Array(Type.String(), {
    description: 'The first 100 different ones, of each 100 characters',
  }),
  changes: Type.Array(LabelUse, {
    description: 'What would change if it were only reported; deny rules first',
  }),
})
export type UnconfirmedLabel = Static<typeof UnconfirmedLabel>
