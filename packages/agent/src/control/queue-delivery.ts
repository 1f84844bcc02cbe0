import type { Queue } from '../queue/queue.ts'
import { type Delivery, type DeliveryOptions, startDelivery } from './delivery.ts'

export interface QueueSending<Item> {
  /** For logs: what is sent. */
  what: string
  /** How much goes into one request; by default one item. */
  batch?: { items: number; bytes: number }
  send(items: readonly Item[], signal: AbortSignal): Promise<unknown>
  /** Called when items will never be accepted and are dropped. */
  onRefused?(items: readonly Item[], error: unknown): void
}

const oneItem = { items: 1, bytes: Number.POSITIVE_INFINITY }

/** Sends the items of a queue, oldest first, each until it is accepted. */
export function startQueueDelivery<Item>(
  queue: Queue<Item>,
  { what, batch = oneItem, send, onRefused }: QueueSending<Item>,
  options: DeliveryOptions,
): Delivery {
  const delivery = startDelivery(
    {
      name: what,
      next: (passed) => queue.read(batch, passed),
      idOf: ({ number }) => number,
      send: (items, signal) =>
        send(
          items.map(({ value }) => value),
          signal,
        ),
      remove: (items) => queue.remove(items.map(({ number }) => number)),
      onRefused: (items, error) =>
        onRefused?.(
          items.map(({ value }) => value),
          error,
        ),
    },
    options,
  )
  const stopListening = queue.onAppend(delivery.added)
  return {
    ...delivery,
    async [Symbol.asyncDispose]() {
      stopListening()
      await delivery[Symbol.asyncDispose]()
    },
  }
}
