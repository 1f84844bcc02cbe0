import { sql } from 'kysely'
import type { Reader, Tx } from '../../store/db.ts'
import type { Row } from '../../store/schema.ts'

export type StoredMessage = Row<'alert_messages'>

/** Appends to what waits for a webhook. Above the limit the oldest are dropped and counted; resolves to their number. */
export async function appendMessages(
  tx: Tx,
  webhookId: string,
  { messages, limit }: { messages: readonly Omit<StoredMessage, 'no'>[]; limit: number },
): Promise<number> {
  for (const message of messages) await tx.insertInto('alert_messages').values(message).execute()
  const { numDeletedRows } = await tx
    .deleteFrom('alert_messages')
    .where('webhook_id', '=', webhookId)
    .where(
      'no',
      '<=',
      sql<number>`(select no from alert_messages where webhook_id = ${webhookId} order by no desc limit 1 offset ${limit})`,
    )
    .executeTakeFirst()
  const dropped = Number(numDeletedRows)
  if (dropped > 0)
    await tx
      .updateTable('alert_webhooks')
      .set(({ eb }) => ({ dropped: eb('dropped', '+', dropped) }))
      .where('id', '=', webhookId)
      .execute()
  return dropped
}

/** Resolves to whether it was still there: it may have been dropped meanwhile, and counted as such. */
export async function deleteMessage(tx: Tx, no: number): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('alert_messages')
    .where('no', '=', no)
    .executeTakeFirst()
  return numDeletedRows > 0
}

/** The one that has waited longest. */
export function readFirstMessage(
  reader: Reader,
  webhookId: string,
): Promise<StoredMessage | undefined> {
  return reader
    .selectFrom('alert_messages')
    .selectAll()
    .where('webhook_id', '=', webhookId)
    .orderBy('no')
    .limit(1)
    .executeTakeFirst()
}

/** The webhooks of all tenants for which something waits and whose time has come. A clock that was set back makes none wait for longer than `maxWaitMs`. */
export async function readDueWebhookIds(
  reader: Reader,
  { nowMs, maxWaitMs }: { nowMs: number; maxWaitMs: number },
): Promise<string[]> {
  const rows = await reader
    .selectFrom('alert_webhooks')
    .select('id')
    .where(({ eb, or }) =>
      or([
        eb('retry_at', 'is', null),
        eb('retry_at', '<=', nowMs),
        eb('retry_at', '>', nowMs + maxWaitMs),
      ]),
    )
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('alert_messages')
          .select('alert_messages.no')
          .whereRef('alert_messages.webhook_id', '=', 'alert_webhooks.id'),
      ),
    )
    .execute()
  return rows.map(({ id }) => id)
}

/** How many wait, by the id of the webhook. */
export async function countMessages(
  reader: Reader,
  webhookIds: readonly string[],
): Promise<Map<string, number>> {
  if (webhookIds.length === 0) return new Map()
  const rows = await reader
    .selectFrom('alert_messages')
    .select(({ fn }) => ['webhook_id', fn.countAll<number>().as('count')])
    .where('webhook_id', 'in', webhookIds)
    .groupBy('webhook_id')
    .execute()
  return new Map(rows.map(({ webhook_id, count }) => [webhook_id, Number(count)]))
}
