import { type AlertMessage, newId } from '@plexd/protocol'
import type { StoredAlert } from '../rows/alerts/alerts.ts'
import type { StoredMessage } from '../rows/alerts/messages.ts'
import type { Book } from './book.ts'
import { alertView } from './view.ts'

/** In one message, which stays well below what receivers take. */
const maxAlerts = 100

/** The messages of a tenant, one after another for each webhook: alerts of one rule that fire or are resolved at one time come together. */
export function messagesOf(
  notices: readonly StoredAlert[],
  { webhooks }: Pick<Book, 'webhooks'>,
  nowMs: number,
): Omit<StoredMessage, 'no'>[] {
  const groups = Object.values(
    Object.groupBy(notices, ({ rule, state, severity }) => `${rule} ${state} ${severity}`),
  )
  return groups.flatMap((group = []) =>
    chunksOf(group).flatMap((alerts) => {
      const [{ severity } = { severity: undefined }] = alerts
      const body = JSON.stringify(messageOf(alerts, nowMs))
      return webhooks
        .filter(({ severities }) => severity !== undefined && severities.includes(severity))
        .map(({ id }) => ({
          id: newId('alert_message'),
          webhook_id: id,
          body,
          created_at: nowMs,
        }))
    }),
  )
}

function chunksOf(alerts: readonly StoredAlert[]): StoredAlert[][] {
  const count = Math.ceil(alerts.length / maxAlerts)
  return Array.from({ length: count }, (_, at) =>
    alerts.slice(at * maxAlerts, (at + 1) * maxAlerts),
  )
}

/** Of alerts that have these in common. */
function messageOf(alerts: readonly StoredAlert[], nowMs: number): AlertMessage {
  const [first] = alerts
  return {
    type: first?.state === 'resolved' ? 'alert.resolved' : 'alert.firing',
    timestamp: new Date(nowMs).toISOString(),
    data: {
      rule: first?.rule ?? '',
      severity: first?.severity ?? 'info',
      alerts: alerts.map(alertView),
    },
  }
}

/** To try a webhook. */
export function testMessage(nowMs: number): AlertMessage {
  return {
    type: 'alert.test',
    timestamp: new Date(nowMs).toISOString(),
    data: { rule: 'test', severity: 'info', alerts: [] },
  }
}
