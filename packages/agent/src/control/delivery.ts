import { ApiError } from '@plexd/protocol'
import { type Clock, createBackoff, type Log } from '@plexd/runtime'
import { startTask } from '../process/task.ts'
import { createTrigger } from '../process/trigger.ts'
import { ForeignAnswer, isFinal, isRefusal } from './failure.ts'

/** A durable queue, as its loop needs it. */
export interface DeliveryQueue<Item> {
  /** For logs: what is delivered. */
  name: string
  /** Oldest first; a bounded number. */
  pending(): Item[]
  send(item: Item, signal: AbortSignal): Promise<void>
  /** Makes durable that the item is delivered, or will never be. */
  remove(item: Item): void
}

export interface Delivery extends AsyncDisposable {
  /** There is something new, or the control plane is back. */
  wake(): void
}

export interface DeliveryDeps {
  describe(error: unknown): string
  clock: Clock
  log: Log
}

/** Nothing pending: the next look, should nobody wake the loop. */
const idleMs = 10 * 60_000

/**
 * Delivers what is pending until the control plane has taken it: 1 s to 5 min between attempts, from 1 s again when
 * woken. An item that it will never take is dropped with a warning; one that it fails on lets the others pass.
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
      // It will be sent once more, which is safe.
      log.error('delivery cannot be noted on the disk', { what: queue.name, error })
      return 'failed'
    }
  }

  const task = startTask(run)
  return { wake: trigger.fire, [Symbol.asyncDispose]: () => task[Symbol.asyncDispose]() }
}

/** Whether the next one may fare better: not when this node is refused, or told to send less. */
function isAboutItem(error: unknown): boolean {
  // A filter on the way may dislike this one only.
  if (error instanceof ForeignAnswer) return true
  return error instanceof ApiError && !isRefusal(error) && error.status !== 429
}
