import type { DatabaseSync } from 'node:sqlite'
import type { Client, ControlApi } from '@plexd/protocol'
import { describeError } from '@plexd/runtime'
import type { Limits } from '../config/limits.ts'
import type { Queue, QueuedItem } from '../queue/queue.ts'
import { type DeliveryDeps, startDelivery } from './delivery.ts'
import {
  type Ack,
  type ExecutionNews,
  openExecutionLedger,
  type Result,
} from './execution-ledger.ts'

/**
 * Decisions on executions and their results. Each call is durable in the ledger when it returns; from there acks and results go into
 * the queue, which is sent until the control plane has accepted them.
 */
export interface ExecutionOutbox extends AsyncDisposable {
  decide(ack: Ack): void
  finish(result: Result): void
  /** `finish` for an execution that was handed over to this start. */
  conclude(result: Result): void
  /**
   * True if the execution is known: then everything known about it is sent again, and it must not run again. One for which
   * there was no room is forgotten, because the control plane asks for it again.
   */
  repeat(executionId: string): boolean
  /** Acks and results that the control plane has not confirmed. */
  pendingCount(): number
  /** How many of them it has refused for good since the start. */
  refused(): number
  wake(): void
}

export interface OutboxDeps extends DeliveryDeps {
  database: DatabaseSync
  queue: Queue<ExecutionNews>
  client: Pick<Client<ControlApi>, 'ackExecution' | 'finishExecution'>
  nodeId: string
  limits: Pick<Limits, 'executions'>
  /** Whether the result is decided by a later start of plexd: until `conclude` nothing else is one. */
  isHandedOver?(executionId: string): boolean
}

const oneItem = { items: 1, bytes: Number.POSITIVE_INFINITY }

export function startExecutionOutbox(deps: OutboxDeps): ExecutionOutbox {
  const { database, queue, client, nodeId, clock, log, isHandedOver = () => false } = deps
  const ledger = openExecutionLedger(database, {
    maxExecutions: deps.limits.executions,
    now: clock.now,
    isHandedOver,
  })
  /** What is in the queue, by `nameOf`. */
  const queued = new Set<string>()
  let isRead = false
  /** Items that come after one of the same execution that failed. */
  const skipped = new Set<number>()

  const delivery = startDelivery<QueuedItem<ExecutionNews>>(
    {
      name: 'execution',
      async begin() {
        skipped.clear()
        if (!isRead) await readQueued()
        isRead = true
        await handOver()
      },
      next,
      // The result of an execution is not sent before its ack.
      idOf: ({ value }) => value.body.execution_id,
      async send([item], signal) {
        if (item && ledger.isUnsent(item.value)) await send(item.value, signal)
      },
      async remove(items) {
        for (const { number, value } of items) {
          ledger.setSent(value)
          await queue.remove([number])
          queued.delete(nameOf(value))
        }
      },
    },
    deps,
  )

  async function next(passed: ReadonlySet<unknown>): Promise<QueuedItem<ExecutionNews>[]> {
    for (;;) {
      const [item] = await queue.read(oneItem, skipped)
      if (item && !passed.has(item.value.body.execution_id)) return [item]
      if (item) skipped.add(item.number)
      else if (!(await handOver())) return []
    }
  }

  async function send(news: ExecutionNews, signal: AbortSignal): Promise<void> {
    const params = { node_id: nodeId, execution_id: news.body.execution_id }
    if (news.kind === 'ack') await client.ackExecution({ params, body: news.body, signal })
    else await client.finishExecution({ params, body: news.body, signal })
  }

  /**
   * Puts into the queue what is in the ledger alone: of an earlier plexd, after a crash in between, or because the queue was full.
   * Resolves to whether there was anything.
   */
  async function handOver(): Promise<boolean> {
    const before = queued.size
    try {
      for (const news of ledger.unsent()) await put(news)
    } catch (error) {
      log.warn('what is known of executions waits for room', { error: describeError(error) })
    }
    return queued.size > before
  }

  async function put(news: ExecutionNews): Promise<void> {
    const name = nameOf(news)
    if (queued.has(name)) return
    await queue.append([news])
    queued.add(name)
  }

  async function readQueued(): Promise<void> {
    const seen = new Set<number>()
    for (;;) {
      const items = await queue.read({ items: 100, bytes: 1024 * 1024 }, seen)
      if (items.length === 0) return
      for (const { number, value } of items) {
        seen.add(number)
        queued.add(nameOf(value))
      }
    }
  }

  function conclude(result: Result): void {
    ledger.finish(result)
    delivery.wake()
  }

  return {
    decide(ack) {
      ledger.decide(ack)
      delivery.wake()
    },
    finish(result) {
      if (!isHandedOver(result.execution_id)) conclude(result)
    },
    conclude,
    repeat(executionId) {
      const isKnown = ledger.repeat(executionId)
      if (isKnown) delivery.wake()
      return isKnown
    },
    pendingCount: ledger.unsentCount,
    refused: delivery.refused,
    wake: delivery.wake,
    [Symbol.asyncDispose]: () => delivery[Symbol.asyncDispose](),
  }
}

/** The same for the same news; a later decision on an execution is other news. */
function nameOf({ kind, body }: ExecutionNews): string {
  return kind === 'ack' ? `ack ${JSON.stringify(body)}` : `result ${body.execution_id}`
}
