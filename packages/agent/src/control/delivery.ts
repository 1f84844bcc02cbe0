import { ApiError } from '@plexd/protocol'
import { type Clock, createBackoff, type Log } from '@plexd/runtime'
import { startTask } from '../process/task.ts'
import { createTrigger } from '../process/trigger.ts'
import { ForeignAnswer, isFinal, isRefusal } from './failure.ts'

/** A durable queue, as its delivery loop sees it. */
export interface DeliveryQueue<Item> {
  /** For logs: what is delivered. */
  name: string
  /** Oldest first; a limited number. */
  pending(): Item[]
  send(item: Item, signal: AbortSignal): Promise<void>
  /** Durably marks the item as delivered, or as never deliverable. */
  remove(item: Item): void
}

export interface Delivery extends AsyncDisposable {
  /** A new item was added, or the control plane is back. */
  wake(): void
}

export interface DeliveryDeps {
  describe(error: unknown): string
  clock: Clock
  log: Log
}

/** With an empty queue: when to check again if nothing wakes the loop. */
const idleMs = 10 * 60_000

/**
 * Delivers pending items until the control plane has accepted them. Backoff from 1 s to 5 min, reset when
 * woken. An item that will never be accepted is dropped with a warning; a temporary failure does not block the others.
 */
export function startDelivery<Item>(queue: DeliveryQueue<Item>, deps: DeliveryDeps): Delivery {
  const { clock, log } = deps
  const trigger = createTrigger(clock)
  const backoff = createBackoff({ minMs: 1_000, maxMs: 5 * 60_000 })

  async function run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const delivered = await deliverAll(signal)
      if (delivered) backoff.reset()
      const woken = await trigger.wait(delivered ? idleMs : backoff.nextMs(), signal)
      if (woken) backoff.reset()
    }
  }

  async function deliverAll(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      const items = queue.pending()
      let failures = 0
      for (const item of items) {
        const outcome = await deliver(item, signal)
        if (outcome === 'unreachable') return false
        if (outcome === 'failed') failures++
      }
      if (failures > 0) return false
      if (items.length === 0) return true
    }
  }

  async function deliver(
    item: Item,
    signal: AbortSignal,
  ): Promise<'done' | 'failed' | 'unreachable'> {
    try {
      await queue.send(item, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!isFinal(error)) {
        log.warn('delivery failed, will retry', { what: queue.name, error: deps.describe(error) })
        return isAboutItem(error) ? 'failed' : 'unreachable'
      }
      log.warn('delivery refused, dropping it', { what: queue.name, error: deps.describe(error) })
    }
    try {
      queue.remove(item)
      return 'done'
    } catch (error) {
      // It will be sent again, which is safe.
      log.error('delivery cannot be noted on the disk', { what: queue.name, error })
      return 'failed'
    }
  }

  const task = startTask(run)
  return { wake: trigger.fire, [Symbol.asyncDispose]: () => task[Symbol.asyncDispose]() }
}

/** Whether the next item may succeed: not if this node is refused, or rate-limited. */
function isAboutItem(error: unknown): boolean {
  // A filter in between may block only this one.
  if (error instanceof ForeignAnswer) return true
  return error instanceof ApiError && !isRefusal(error) && error.status !== 429
}
