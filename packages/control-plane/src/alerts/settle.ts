import type { Log } from '@plexd/runtime'
import { type StoredAlert, writeAlerts } from '../rows/alerts/alerts.ts'
import { appendMessages } from '../rows/alerts/messages.ts'
import type { Store } from '../store/db.ts'
import type { Book } from './book.ts'
import type { NodeVerdict } from './judge-node.ts'
import { messagesOf } from './notices.ts'

export interface SettleDeps {
  store: Store
  log: Pick<Log, 'info' | 'warn'>
  /** How many messages may wait for a webhook. */
  maxMessages(): number
  onDropped(messages: number): void
}

/** Writes what some nodes of a tenant were judged, in one transaction: what is told waits in that which says it was. */
export async function settle(
  { store, log, maxMessages, onDropped }: SettleDeps,
  verdicts: readonly NodeVerdict[],
  { book, nowMs }: { book: Book; nowMs: number },
): Promise<void> {
  const put = verdicts.flatMap((verdict) => verdict.put)
  const dropped = verdicts.flatMap((verdict) => verdict.dropped)
  if (put.length === 0 && dropped.length === 0) return
  const notices = verdicts.flatMap((verdict) => verdict.notices)
  const messages = Object.groupBy(messagesOf(notices, book, nowMs), ({ webhook_id }) => webhook_id)
  const limit = maxMessages()
  const lost = await store.write(async (tx) => {
    await writeAlerts(tx, { put, dropped })
    let count = 0
    for (const [id, own = []] of Object.entries(messages))
      count += await appendMessages(tx, id, { messages: own, limit })
    return count
  })
  if (lost > 0) onDropped(lost)
  logAlerts(log, put)
}

function logAlerts(log: SettleDeps['log'], alerts: readonly StoredAlert[]): void {
  for (const { rule, severity, node_id, hostname, state, summary, reason } of alerts) {
    const fields = { rule, severity, node_id, hostname, summary }
    if (state === 'firing') log.warn('alert fires', fields)
    if (state === 'resolved') log.info('alert resolved', { ...fields, reason })
  }
}
