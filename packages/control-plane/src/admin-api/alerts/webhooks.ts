import { AlertSeverity, type AlertWebhook, ApiError, adminApi, newId } from '@plexd/protocol'
import { isoTime } from '@plexd/runtime'
import { testMessage } from '../../alerts/notices.ts'
import { postMessage } from '../../alerts/webhooks/post.ts'
import { newWebhookSecret } from '../../alerts/webhooks/signature.ts'
import {
  checkWebhookUrl,
  openTarget,
  sealTarget,
  withNewSecret,
} from '../../alerts/webhooks/target.ts'
import type { Environment, Seals, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { countMessages } from '../../rows/alerts/messages.ts'
import {
  deleteWebhook,
  insertWebhook,
  readWebhooks,
  type StoredWebhook,
  writeWebhookSecret,
} from '../../rows/alerts/webhooks.ts'
import type { Reader } from '../../store/db.ts'
import { readDuration } from '../wire/durations.ts'

export const createAlertWebhook = handle(
  adminApi.createAlertWebhook,
  async ({ principal, body }, app: State & Seals & Environment) => {
    const { tenant_id, name: operator } = principal
    const { name, severities = [...AlertSeverity.enum] } = body
    const url = checkWebhookUrl(body.url, { allowHttp: body.allow_http === true })
    const id = newId('alert_webhook')
    const secret = newWebhookSecret()
    const webhook = await app.change(async (unit) => {
      refuse(await readWebhooks(unit.tx, tenant_id), name, app.config.limits.alert_webhooks)
      await insertWebhook(unit, {
        id,
        tenant_id,
        name,
        origin: url.origin,
        severities,
        secret_sealed: sealTarget(app.masterKey, id, { url: url.href, secret }),
        created_by: operator,
        created_at: unit.nowMs,
      })
      return find(unit.tx, tenant_id, name)
    })
    return { ...webhookView(app, webhook, 0), secret }
  },
)

export const listAlertWebhooks = handle(
  adminApi.listAlertWebhooks,
  async ({ principal }, app: State & Seals & Environment) => {
    const { reader } = app.store
    const webhooks = await readWebhooks(reader, principal.tenant_id)
    const waiting = await countMessages(
      reader,
      webhooks.map(({ id }) => id),
    )
    return {
      items: webhooks.map((webhook) => webhookView(app, webhook, waiting.get(webhook.id) ?? 0)),
    }
  },
)

export const rotateAlertWebhookSecret = handle(
  adminApi.rotateAlertWebhookSecret,
  async ({ principal, params, body }, app: State & Seals & Environment) => {
    const { transition_period: transition = '24h' } = body
    const bounds = { field: 'transition_period', min: '0s', max: '720h' }
    const transitionMs = readDuration(transition, bounds)
    const secret = newWebhookSecret()
    const webhook = await app.change(async (unit) => {
      const { id, ...before } = await find(unit.tx, principal.tenant_id, params.alert_webhook)
      const target = openTarget(app.masterKey, { id, ...before })
      const next = withNewSecret(target, secret, unit.nowMs + transitionMs)
      await writeWebhookSecret(unit, { id, secret_sealed: sealTarget(app.masterKey, id, next) })
      return find(unit.tx, principal.tenant_id, params.alert_webhook)
    })
    const waiting = await countMessages(app.store.reader, [webhook.id])
    return { ...webhookView(app, webhook, waiting.get(webhook.id) ?? 0), secret }
  },
)

export const deleteAlertWebhook = handle(
  adminApi.deleteAlertWebhook,
  async ({ principal, params }, app: State) => {
    await app.change(async (unit) => {
      const webhook = await find(unit.tx, principal.tenant_id, params.alert_webhook)
      await deleteWebhook(unit, webhook)
    })
    return {}
  },
)

export const testAlertWebhook = handle(
  adminApi.testAlertWebhook,
  async ({ principal, params }, app: State & Seals & Environment) => {
    const webhook = await find(app.store.reader, principal.tenant_id, params.alert_webhook)
    const nowMs = app.clock.now()
    const message = { id: newId('alert_message'), body: JSON.stringify(testMessage(nowMs)) }
    const outcome = await postMessage(openTarget(app.masterKey, webhook), message, { nowMs })
    return outcome.is === 'delivered'
      ? { delivered: true, error: '' }
      : { delivered: false, error: outcome.error }
  },
)

async function find(reader: Reader, tenantId: string, name: string): Promise<StoredWebhook> {
  const webhooks = await readWebhooks(reader, tenantId)
  const webhook = webhooks.find((one) => one.name === name)
  if (!webhook) throw new ApiError('not_found', `there is no webhook "${name}"`)
  return webhook
}

function refuse(webhooks: readonly StoredWebhook[], name: string, most: number): void {
  if (webhooks.some((one) => one.name === name))
    throw new ApiError(
      'conflict',
      `there is a webhook "${name}" already: remove it, or choose another name`,
    )
  if (webhooks.length >= most)
    throw new ApiError(
      'conflict',
      `there are ${most} webhooks, as many as the limit alert_webhooks allows: delete one`,
    )
}

function webhookView(
  { masterKey, clock }: Seals & Environment,
  webhook: StoredWebhook,
  waiting: number,
): AlertWebhook {
  const { previous } = openTarget(masterKey, webhook)
  const { id, name, origin, severities, created_by, delivered, dropped, last_error } = webhook
  return {
    id,
    name,
    origin,
    severities,
    created_by,
    created_at: new Date(webhook.created_at).toISOString(),
    waiting,
    delivered,
    dropped,
    last_error,
    retry_at: isoTime(webhook.retry_at),
    previous_secret_until:
      previous && clock.now() < previous.untilMs ? isoTime(previous.untilMs) : null,
  }
}
