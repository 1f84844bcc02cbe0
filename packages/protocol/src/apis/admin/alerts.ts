import { Type } from 'typebox'
import { AlertState, ListedAlert } from '../../admin/alert.ts'
import { AlertRuleName, AlertRuleSpec, AlertRuleView } from '../../admin/alert-rule.ts'
import { AlertSilence, AlertSilenceSpec } from '../../admin/alert-silence.ts'
import {
  AlertWebhook,
  AlertWebhookSpec,
  AlertWebhookTest,
  CreatedAlertWebhook,
  RotateWebhookSecretSpec,
} from '../../admin/alert-webhook.ts'
import { pageOf } from '../../admin/page.ts'
import { operation } from '../../operations/operation.ts'
import { Paging, read, remove, write } from './row.ts'

/** What is wrong with nodes, by rules, and who is told. */
export const alerts = {
  listAlerts: operation({
    ...read('alerts'),
    path: '/admin/v1/alerts',
    summary: 'List alerts, newest first; of those that are resolved, the last 30 days',
    query: Type.Interface([Paging], {
      state: Type.Optional(AlertState),
      rule: Type.Optional(Type.String()),
      node: Type.Optional(Type.String({ description: 'Id or hostname' })),
    }),
    response: pageOf(ListedAlert),
    errors: [400, 404],
  }),
  listAlertRules: operation({
    ...read('alerts'),
    path: '/admin/v1/alert-rules',
    summary: 'List alert rules by name, those that are there by themselves included',
    response: Type.Object({
      items: Type.Array(AlertRuleView),
      deleted: Type.Array(AlertRuleName, {
        description: 'Those that were there by themselves, and can be restored',
      }),
    }),
  }),
  getAlertRule: operation({
    ...read('alerts'),
    path: '/admin/v1/alert-rules/{alert_rule}',
    summary: 'Read one alert rule',
    response: AlertRuleView,
    errors: [404],
  }),
  putAlertRule: operation({
    ...write('PUT', 'alerts'),
    path: '/admin/v1/alert-rules/{alert_rule}',
    summary: 'Create or replace an alert rule',
    params: { alert_rule: AlertRuleName },
    request: AlertRuleSpec,
    response: AlertRuleView,
    errors: [400, 409],
  }),
  deleteAlertRule: operation({
    ...remove('alerts'),
    path: '/admin/v1/alert-rules/{alert_rule}',
    summary: 'Delete an alert rule, also one that is there by itself; its alerts are resolved',
    errors: [404],
  }),
  restoreAlertRule: operation({
    ...write('POST', 'alerts'),
    path: '/admin/v1/alert-rules/{alert_rule}/restore',
    summary: 'Have a rule as it is by itself again, after it was changed or deleted',
    params: { alert_rule: AlertRuleName },
    response: AlertRuleView,
    errors: [400, 404],
  }),
  createAlertSilence: operation({
    ...write('POST', 'alerts'),
    path: '/admin/v1/alert-silences',
    summary: 'Keep alerts from webhooks for some time; what still fires after it is told then',
    request: AlertSilenceSpec,
    response: AlertSilence,
    status: 201,
    errors: [400, 404, 409],
  }),
  listAlertSilences: operation({
    ...read('alerts'),
    path: '/admin/v1/alert-silences',
    summary: 'List silences, newest first; of those that have ended, the last 30 days',
    query: Paging,
    response: pageOf(AlertSilence),
    errors: [400],
  }),
  endAlertSilence: operation({
    ...remove('alerts'),
    path: '/admin/v1/alert-silences/{alert_silence}',
    summary: 'End a silence before its time; it stays on record',
    errors: [404, 409],
  }),
  createAlertWebhook: operation({
    ...write('POST', 'alerts'),
    path: '/admin/v1/alert-webhooks',
    summary: 'Have alerts sent to a URL; the answer has the secret that signs them',
    request: AlertWebhookSpec,
    response: CreatedAlertWebhook,
    status: 201,
    errors: [400, 409],
  }),
  listAlertWebhooks: operation({
    ...read('alerts'),
    path: '/admin/v1/alert-webhooks',
    summary: 'List webhooks by name, with what waits for them',
    response: Type.Object({ items: Type.Array(AlertWebhook) }),
  }),
  deleteAlertWebhook: operation({
    ...remove('alerts'),
    path: '/admin/v1/alert-webhooks/{alert_webhook}',
    summary: 'Delete a webhook, and what waits for it',
    errors: [404],
  }),
  rotateAlertWebhookSecret: operation({
    ...write('POST', 'alerts'),
    path: '/admin/v1/alert-webhooks/{alert_webhook}/rotate-secret',
    summary: 'Give a webhook a new secret; for a while messages are signed by both',
    request: RotateWebhookSecretSpec,
    response: CreatedAlertWebhook,
    errors: [400, 404],
  }),
  testAlertWebhook: operation({
    ...write('POST', 'alerts'),
    path: '/admin/v1/alert-webhooks/{alert_webhook}/test',
    summary: 'Send a message to a webhook once, and say whether it was taken',
    response: AlertWebhookTest,
    errors: [404],
  }),
} as const
