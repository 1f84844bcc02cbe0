import { type Static, Type } from 'typebox'
import { nullable, Timestamp, WholeNumber } from '../schemas/scalars.ts'
import { wantKeyword } from '../schemas/schema-fault.ts'
import { NodeStatus } from './node.ts'

/** What is worth an alert: a condition that each node is judged by. */

export const AlertSeverity = Type.Enum(['info', 'warning', 'critical'])
export type AlertSeverity = Static<typeof AlertSeverity>

export const AlertRuleName = Type.String({
  pattern: '^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$',
  [wantKeyword]: 'lower-case letters, digits, ".", "_" or "-", with a letter or digit at both ends',
  maxLength: 63,
  examples: ['disk-nearly-full'],
})

const MetricName = Type.String({
  minLength: 1,
  maxLength: 1_024,
  description:
    'A metric of nodes, or one that programs on nodes send, as group.name, with labels if it has some; the group may be left out where no other has the name',
  examples: ['node_resources.disk_used', 'shop.orders_open{shop="berlin"}'],
})
const aDuration = { [wantKeyword]: 'a duration such as "5m"' }
const Within = Type.String({
  ...aDuration,
  description: 'Go duration, from "1m" to "24h"',
  examples: ['15m'],
})

// Strict: ignoring a misspelt bound would make a rule that never holds.
const strict = { additionalProperties: false } as const

/** Exactly one of these. */
export const AlertCondition = Type.Object(
  {
    metric: Type.Optional(
      Type.Object(
        {
          name: MetricName,
          of: Type.Optional(MetricName),
          above: Type.Optional(Type.Number()),
          below: Type.Optional(Type.Number()),
        },
        {
          ...strict,
          description:
            'The last value, or its share of another one with `of`, is above or below a bound. Of a metric that each peer has, the largest; of a program, any series with the labels',
        },
      ),
    ),
    increase: Type.Optional(
      Type.Object(
        { name: MetricName, within: Within },
        { ...strict, description: 'A counter has grown in that time' },
      ),
    ),
    no_data: Type.Optional(
      Type.Object(
        { name: MetricName },
        { ...strict, description: 'A node that is online has sent no value for five minutes' },
      ),
    ),
    status: Type.Optional(
      Type.Array(NodeStatus, { minItems: 1, description: 'The node has one of these' }),
    ),
    integrity: Type.Optional(
      Type.Object(
        { within: Within },
        {
          ...strict,
          description:
            'The binary of the node is none that the control plane knows, or the node has found a changed file in that time',
        },
      ),
    ),
    restarts: Type.Optional(
      Type.Object(
        { within: Within, at_least: Type.Integer({ minimum: 1, maximum: 100 }) },
        { ...strict, description: 'plexd was started again so often in that time' },
      ),
    ),
    drift: Type.Optional(
      Type.Object(
        { within: Within, at_least: Type.Integer({ minimum: 1, maximum: 100 }) },
        { ...strict, description: 'The node has reported so many corrections in that time' },
      ),
    ),
  },
  strict,
)
export type AlertCondition = Static<typeof AlertCondition>

export const AlertRuleSpec = Type.Object(
  {
    selector: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1_024,
        description: 'Labels of the nodes that are judged by it; "*" when absent',
      }),
    ),
    when: AlertCondition,
    for: Type.Optional(
      Type.String({
        ...aDuration,
        description:
          'Go duration, "24h" at most: how long it has to hold until the alert fires; "0s" when absent',
      }),
    ),
    keep_firing: Type.Optional(
      Type.String({
        ...aDuration,
        description:
          'Go duration, "24h" at most: how long it must not hold until the alert is resolved; "0s" when absent',
      }),
    ),
    severity: AlertSeverity,
  },
  strict,
)
export type AlertRuleSpec = Static<typeof AlertRuleSpec>

/** Whether there is anything to judge: a rule over a metric that nobody sends neither holds nor is clear. */
export const AlertRuleData = Type.Object({
  nodes: Type.Integer({ description: 'Nodes that the rule is for' }),
  sending: Type.Integer({
    description:
      'Those that sent all it needs in the last five minutes; without any, the rule judges nothing',
  }),
})
export type AlertRuleData = Static<typeof AlertRuleData>

export const AlertRule = Type.Object({
  name: AlertRuleName,
  selector: Type.String(),
  when: AlertCondition,
  for: Type.String(),
  keep_firing: Type.String(),
  severity: AlertSeverity,
  is_default: Type.Boolean({ description: 'It is there by itself, and was not changed' }),
  revision: WholeNumber,
  updated_at: nullable(Timestamp),
  updated_by: nullable(Type.String({ description: 'The operator, by the name of the token' })),
})
export type AlertRule = Static<typeof AlertRule>

/** As it is shown. */
export const AlertRuleView = Type.Interface([AlertRule], {
  data: nullable(AlertRuleData, { description: 'Null for a rule that is not over a metric' }),
})
export type AlertRuleView = Static<typeof AlertRuleView>
