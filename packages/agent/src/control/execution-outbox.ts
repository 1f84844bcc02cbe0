import type { DatabaseSync } from 'node:sqlite'
import type { Client, ControlApi, ExecutionAck, ExecutionResult } from '@plexd/protocol'
import { diskFault } from '@plexd/runtime'
import type { Limits } from '../config/limits.ts'
import { type DeliveryDeps, startDelivery } from './delivery.ts'

/**
 * The executions of the last day: decision, result, and how much of that the control plane has confirmed. Each call
 * is durable when it returns; acks and results are sent until they are accepted.
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
  wake(): void
}

type Ack = ExecutionAck & { execution_id: string }
type Result = ExecutionResult & { execution_id: string }

export interface OutboxDeps extends DeliveryDeps {
  database: DatabaseSync
  client: Pick<Client<ControlApi>, 'ackExecution' | 'finishExecution'>
  nodeId: string
  limits: Pick<Limits, 'executions'>
  /** Whether the result is decided by a later start of plexd: until `conclude` nothing else is one. */
  isHandedOver?(executionId: string): boolean
}

const keptMs = 24 * 3_600_000

export function startExecutionOutbox(deps: OutboxDeps): ExecutionOutbox {
  const { database, client, nodeId, clock, isHandedOver = () => false } = deps
  const insert = database.prepare(
    'INSERT OR IGNORE INTO executions (execution_id, received_ms, ack) VALUES (?, ?, ?)',
  )
  const setResult = database.prepare(
    'UPDATE executions SET result = ? WHERE execution_id = ? AND result IS NULL',
  )
  const forgetRefused = database.prepare(
    `DELETE FROM executions WHERE execution_id = ? AND ack ->> 'reason' = 'max_concurrent_reached'`,
  )
  const resend = database.prepare(
    'UPDATE executions SET ack_sent = 0, result_sent = 0 WHERE execution_id = ?',
  )
  const unsent = database.prepare(
    `SELECT execution_id, ack, ack_sent, result FROM executions
      WHERE ack_sent = 0 OR (result IS NOT NULL AND result_sent = 0) ORDER BY received_ms LIMIT 50`,
  )
  const countUnsent = database.prepare(
    `SELECT coalesce(sum(1 - ack_sent), 0) + coalesce(sum(result IS NOT NULL AND result_sent = 0), 0) AS count
      FROM executions`,
  )
  const ackSent = database.prepare(
    // There may be another decision by now.
    'UPDATE executions SET ack_sent = 1 WHERE execution_id = ? AND ack = ?',
  )
  const resultSent = database.prepare(
    'UPDATE executions SET result_sent = 1 WHERE execution_id = ?',
  )
  const forget = database.prepare(
    `DELETE FROM executions WHERE (received_ms < ? AND ack_sent = 1 AND (result IS NULL OR result_sent = 1))
      OR execution_id IN (SELECT execution_id FROM executions ORDER BY received_ms DESC LIMIT -1 OFFSET ${deps.limits.executions})`,
  )

  let unfinished = readUnfinished(database).filter((id) => !isHandedOver(id))
  interruptUnfinished()
  const delivery = startDelivery<Unsent>(
    {
      name: 'execution',
      pending() {
        interruptUnfinished()
        return unsent.all().map(toUnsent)
      },
      async send({ kind, execution_id, body }, signal) {
        const params = { node_id: nodeId, execution_id }
        if (kind === 'ack') await client.ackExecution({ params, body, signal })
        else await client.finishExecution({ params, body, signal })
      },
      remove({ kind, execution_id, body }) {
        if (kind === 'ack') ackSent.run(execution_id, JSON.stringify(body))
        else resultSent.run(execution_id)
      },
    },
    deps,
  )

  /** A full disk must not prevent the start: this is retried at each delivery. */
  function interruptUnfinished(): void {
    try {
      for (const id of unfinished) setResult.run(JSON.stringify(interrupted(id, clock.now())), id)
      unfinished = []
    } catch (error) {
      if (diskFault(error) === undefined) throw error
    }
  }

  function conclude(result: Result): void {
    setResult.run(JSON.stringify(result), result.execution_id)
    delivery.wake()
  }

  return {
    decide(ack) {
      forget.run(clock.now() - keptMs)
      insert.run(ack.execution_id, clock.now(), JSON.stringify(ack))
      delivery.wake()
    },
    finish(result) {
      if (!isHandedOver(result.execution_id)) conclude(result)
    },
    conclude,
    repeat(executionId) {
      if (forgetRefused.run(executionId).changes > 0) return false
      const known = resend.run(executionId).changes > 0
      if (known) delivery.wake()
      return known
    },
    pendingCount: () => Number(countUnsent.get()?.count),
    wake: delivery.wake,
    [Symbol.asyncDispose]: () => delivery[Symbol.asyncDispose](),
  }
}

/** An execution that was running when the process ended is reported as interrupted. */
function readUnfinished(database: DatabaseSync): string[] {
  return database
    .prepare(
      `SELECT execution_id FROM executions WHERE result IS NULL AND ack ->> 'status' = 'accepted'`,
    )
    .all()
    .map((row) => String(row.execution_id))
}

function interrupted(execution_id: string, nowMs: number): Result {
  return {
    execution_id,
    status: 'failure',
    exit_code: 1,
    stdout: '',
    stderr: 'plexd was restarted while the action ran\n',
    duration: '0s',
    finished_at: new Date(nowMs).toISOString(),
  }
}

/** The ack is sent before the result. */
type Unsent = { execution_id: string } & (
  | { kind: 'ack'; body: ExecutionAck }
  | { kind: 'result'; body: ExecutionResult }
)

function toUnsent(row: Record<string, unknown>): Unsent {
  const execution_id = String(row.execution_id)
  return row.ack_sent === 0
    ? { kind: 'ack', execution_id, body: JSON.parse(String(row.ack)) }
    : { kind: 'result', execution_id, body: JSON.parse(String(row.result)) }
}
