import type { AlertSeverity } from '@plexd/protocol'
import type { Reader, Tx } from '../../store/db.ts'
import type { Row } from '../../store/schema.ts'
import type { RowUnit } from '../unit.ts'

export interface StoredWebhook extends Omit<Row<'alert_webhooks'>, 'severities'> {
  severities: AlertSeverity[]
}

export type NewWebhook = Pick<
  StoredWebhook,
  | 'id'
  | 'tenant_id'
  | 'name'
  | 'origin'
  | 'severities'
  | 'secret_sealed'
  | 'created_by'
  | 'created_at'
>

function storedOf(row: Row<'alert_webhooks'>): StoredWebhook {
  return { ...row, severities: JSON.parse(row.severities) as AlertSeverity[] } // written below
}

export async function insertWebhook(unit: RowUnit, webhook: NewWebhook): Promise<void> {
  const severities = JSON.stringify(webhook.severities)
  await unit.tx
    .insertInto('alert_webhooks')
    .values({ ...webhook, severities })
    .execute()
  unit.apply({ type: 'alerting_changed', tenant_id: webhook.tenant_id })
}

/** With what waits for it. */
export async function deleteWebhook(
  unit: RowUnit,
  { id, tenant_id }: Pick<StoredWebhook, 'id' | 'tenant_id'>,
): Promise<void> {
  await unit.tx.deleteFrom('alert_messages').where('webhook_id', '=', id).execute()
  await unit.tx.deleteFrom('alert_webhooks').where('id', '=', id).execute()
  unit.apply({ type: 'alerting_changed', tenant_id })
}

/** Of a tenant, in the order of their names. */
export async function readWebhooks(reader: Reader, tenantId: string): Promise<StoredWebhook[]> {
  const rows = await reader
    .selectFrom('alert_webhooks')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('name')
    .execute()
  return rows.map(storedOf)
}

export async function readWebhook(reader: Reader, id: string): Promise<StoredWebhook | undefined> {
  const row = await reader
    .selectFrom('alert_webhooks')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst()
  return row && storedOf(row)
}

export async function writeWebhookSecret(
  unit: RowUnit,
  { id, secret_sealed }: Pick<StoredWebhook, 'id' | 'secret_sealed'>,
): Promise<void> {
  await unit.tx.updateTable('alert_webhooks').set({ secret_sealed }).where('id', '=', id).execute()
}

/** What an attempt has changed. */
export type WebhookProgress = Partial<
  Pick<StoredWebhook, 'delivered' | 'dropped' | 'failures' | 'last_error' | 'retry_at'>
>

export async function writeWebhookProgress(
  tx: Tx,
  id: string,
  progress: WebhookProgress,
): Promise<void> {
  await tx.updateTable('alert_webhooks').set(progress).where('id', '=', id).execute()
}
