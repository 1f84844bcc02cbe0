import type { DatabaseSync } from 'node:sqlite'
import type { Client, ControlApi } from '@plexd/protocol'
import type { Limits } from '../config/limits.ts'
import type { Queue, QueuedItem } from '../queue/queue.ts'
import { type DeliveryDeps, startDelivery } from './delivery.ts'
import {
  type Ack,
  type ExecutionNews,
  openExecutionLedger,
  type Result,
} from './execution-ledger.ts'
import { createExecutionQueue } from './execution-queue.ts'

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

export function startExecutionOutbox(deps: OutboxDeps): ExecutionOutbox {
  const { database, queue, client, nodeId, clock, log, isHandedOver = () => false } = deps
  const ledger = openExecutionLedger(database, {
    maxExecutions: deps.limits.executions,
    now: clock.now,
    isHandedOver,
  })
  const waiting = createExecutionQueue(queue, ledger, log)
  const delivery = startDelivery<QueuedItem<ExecutionNews>>(
    {
      name: 'execution',
      begin: waiting.begin,
      next: waiting.next,
      // The result of an execution is not sent before its ack.
      idOf: ({ value }) => value.body.execution_id,
      async send([item], signal) {
        if (item && ledger.isUnsent(item.value)) await send(item.value, signal)
      },
      remove: waiting.remove,
    },
    deps,
  )

  async function send(news: ExecutionNews, signal: AbortSignal): Promise<void> {
    const params = { node_id: nodeId, execution_id: news.body.execution_id }
    if (news.kind === 'ack') await client.ackExecution({ params, body: news.body, signal })
    else await client.finishExecution({ params, body: news.body, signal })
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
