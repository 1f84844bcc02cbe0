import { type Clock, describeError, type Log, withJitter } from '@plexd/runtime'
import type { StoredMessage } from '../../rows/alerts/messages.ts'
import { deleteMessage, readDueWebhookIds, readFirstMessage } from '../../rows/alerts/messages.ts'
import {
  readWebhook,
  type StoredWebhook,
  writeWebhookProgress,
} from '../../rows/alerts/webhooks.ts'
import type { MasterKey } from '../../seal/master-key.ts'
import type { Store } from '../../store/db.ts'
import { maxWaitMs, type PostOutcome, postMessage } from './post.ts'
import { openTarget } from './target.ts'

export interface SendingDeps {
  store: Store
  masterKey: MasterKey
  clock: Clock
  log: Pick<Log, 'warn' | 'error'>
  onAttempt(outcome: 'delivered' | 'retried' | 'dropped'): void
}

export interface Sending extends AsyncDisposable {
  /** Begins to send what waits, and does not wait for it. Call it every second. */
  start(): Promise<void>
  /** Resolves when nothing is being sent. */
  idle(): Promise<void>
}

const firstRetryMs = 5_000
const longestRetryMs = 10 * 60_000
/** What nobody takes for a day is dropped. */
const giveUpMs = 24 * 3_600_000

/**
 * One message at a time for each webhook, in order, so that nothing is resolved before it fires. A message leaves the disk once it was
 * taken: after a crash between the two it comes again, under the id that it had.
 */
export function startSending({ store, masterKey, clock, log, onAttempt }: SendingDeps): Sending {
  const controller = new AbortController()
  const { signal } = controller
  const busy = new Map<string, Promise<void>>()

  async function drain(id: string): Promise<void> {
    for (;;) {
      const message = await readFirstMessage(store.reader, id)
      const webhook = await readWebhook(store.reader, id)
      if (!message || !webhook || signal.aborted) return
      const nowMs = clock.now()
      const outcome = await postMessage(openTarget(masterKey, webhook), message, { nowMs, signal })
      if (signal.aborted && outcome.is === 'retry') return
      if (!(await settle(webhook, message, outcome))) return
    }
  }

  /** Resolves to whether the next one may be sent now. */
  async function settle(
    { id, name }: StoredWebhook,
    message: StoredMessage,
    outcome: PostOutcome,
  ): Promise<boolean> {
    const nowMs = clock.now()
    const isOver = outcome.is === 'retry' && nowMs - message.created_at > giveUpMs
    const isDone = outcome.is !== 'retry' || isOver
    await store.write(async (tx) => {
      const isCounted = isDone && (await deleteMessage(tx, message.no))
      const webhook = await readWebhook(tx, id)
      if (webhook)
        await writeWebhookProgress(tx, id, progressOf(webhook, outcome, { nowMs, isCounted }))
    })
    onAttempt(outcome.is === 'delivered' ? 'delivered' : isDone ? 'dropped' : 'retried')
    if (outcome.is !== 'delivered')
      log.warn('webhook did not take a message', { webhook: name, error: outcome.error, isOver })
    return outcome.is !== 'retry'
  }

  async function idle(): Promise<void> {
    await Promise.all(busy.values())
  }

  return {
    async start() {
      const due = await readDueWebhookIds(store.reader, { nowMs: clock.now(), maxWaitMs })
      for (const id of due)
        busy.getOrInsertComputed(id, () =>
          drain(id)
            .catch((error: unknown) =>
              log.error('alerts are not sent', { webhook_id: id, error: describeError(error) }),
            )
            .finally(() => busy.delete(id)),
        )
    },
    idle,
    async [Symbol.asyncDispose]() {
      controller.abort()
      await idle()
    },
  }
}

function progressOf(
  { delivered, dropped, failures }: StoredWebhook,
  outcome: PostOutcome,
  { nowMs, isCounted }: { nowMs: number; isCounted: boolean },
) {
  const counted = isCounted ? 1 : 0
  if (outcome.is === 'delivered')
    return { delivered: delivered + counted, failures: 0, last_error: '', retry_at: null }
  const failed = { dropped: dropped + counted, last_error: outcome.error }
  if (outcome.is === 'refused') return { ...failed, failures: 0, retry_at: null }
  const wait = outcome.waitMs ?? retryDelayMs(failures)
  return { ...failed, failures: failures + 1, retry_at: nowMs + wait }
}

function retryDelayMs(failures: number): number {
  return withJitter(Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures, 10)))
}
