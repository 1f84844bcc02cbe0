import { type Static, Type } from 'typebox'
import { Count, nullable, Timestamp } from '../schemas/scalars.ts'
import { AlertRuleName, AlertSeverity } from './alert-rule.ts'

/** Where alerts are sent to. */
export const AlertWebhookSpec = Type.Object(
  {
    name: AlertRuleName,
    url: Type.String({
      maxLength: 2_048,
      description: 'Receives a POST with an AlertMessage; redirects are not followed',
      examples: ['https://alerts.example.com/plexd'],
    }),
    severities: Type.Optional(
      Type.Array(AlertSeverity, { minItems: 1, description: 'All when absent' }),
    ),
    allow_http: Type.Optional(
      Type.Boolean({ description: 'Allows http://, by which anybody on the way reads the alerts' }),
    ),
  },
  { additionalProperties: false },
)
export type AlertWebhookSpec = Static<typeof AlertWebhookSpec>

export const AlertWebhook = Type.Object({
  id: Type.String({ examples: ['whk_a1b2c3d4'] }),
  name: Type.String(),
  origin: Type.String({ description: 'Of the URL, the rest of which may be a secret' }),
  severities: Type.Array(AlertSeverity),
  created_by: Type.String({ description: 'The operator, by the name of the token' }),
  created_at: Timestamp,
  waiting: Count,
  delivered: Count,
  dropped: Type.Integer({
    minimum: 0,
    description:
      'Messages that were refused, waited for a day, or had to give way to newer ones; none of them is sent again',
  }),
  last_error: Type.String({ description: 'Of the last attempt; empty if it went well' }),
  retry_at: nullable(Timestamp, { description: 'When what waits is tried again' }),
  previous_secret_until: nullable(Timestamp, {
    description: 'Until then messages are signed by the secret before this one, too',
  }),
})
export type AlertWebhook = Static<typeof AlertWebhook>

export const CreatedAlertWebhook = Type.Interface([AlertWebhook], {
  secret: Type.String({
    description: 'Signs what is sent, as Standard Webhooks says; it is not shown again',
  }),
})
export type CreatedAlertWebhook = Static<typeof CreatedAlertWebhook>

export const RotateWebhookSecretSpec = Type.Object(
  {
    transition_period: Type.Optional(
      Type.String({
        description:
          'Go duration, "720h" at most: how long messages are signed by both secrets; "24h" when absent',
        examples: ['24h'],
      }),
    ),
  },
  { additionalProperties: false },
)
export type RotateWebhookSecretSpec = Static<typeof RotateWebhookSecretSpec>

/** What became of a message that was sent to try a webhook. */
export const AlertWebhookTest = Type.Object({
  delivered: Type.Boolean(),
  error: Type.String({ description: 'Empty if it was delivered' }),
})
export type AlertWebhookTest = Static<typeof AlertWebhookTest>
