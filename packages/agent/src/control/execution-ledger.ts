import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { ExecutionAck, ExecutionResult, validatorOf } from '@plexd/protocol'
import { diskFault } from '@plexd/runtime'
import { type Static, Type } from 'typebox'

const executionId = { execution_id: Type.String() }
const Ack = Type.Object({ ...ExecutionAck.properties, ...executionId })
const Result = Type.Object({ ...ExecutionResult.properties, ...executionId })
export type Ack = Static<typeof Ack>
export type Result = Static<typeof Result>

const ExecutionNews = Type.Union([
  Type.Object({ kind: Type.Literal('ack'), body: Ack }),
  Type.Object({ kind: Type.Literal('result'), body: Result }),
])
/** What the control plane has to be told of an execution. */
export type ExecutionNews = Static<typeof ExecutionNews>
export const executionNews = validatorOf(ExecutionNews)

/** The executions of the last day: decision, result, and how much of that the control plane has confirmed. Each call is durable when it returns. */
export interface ExecutionLedger {
  /** Only the first decision counts. */
  decide(ack: Ack): void
  /** Only the first result counts. */
  finish(result: Result): void
  /**
   * True if the execution is known; then all that is known of it is unsent again. One for which there was no room is forgotten,
   * because the control plane asks for it again.
   */
  repeat(executionId: string): boolean
  /** What the control plane has not confirmed, oldest first, the ack of an execution before its result. Read one by one. */
  unsent(): Iterable<ExecutionNews>
  unsentCount(): number
  /** False for news that was sent, or that a later decision has replaced. */
  isUnsent(news: ExecutionNews): boolean
  setSent(news: ExecutionNews): void
}

const keptMs = 24 * 3_600_000

export interface LedgerOptions {
  maxExecutions: number
  now(): number
  /** Whether the result is decided by a later start of plexd. */
  isHandedOver(executionId: string): boolean
}

/** Executions that were running when the process ended are finished as interrupted. */
export function openExecutionLedger(
  database: DatabaseSync,
  { maxExecutions, now, isHandedOver }: LedgerOptions,
): ExecutionLedger {
  const sql = prepareAll(database)
  const accepted = sql.selectUnfinished.all().map((row) => String(row.execution_id))
  let unfinished = accepted.filter((id) => !isHandedOver(id))
  interruptUnfinished()

  /** A full disk must not prevent the start: this is retried with each look at what is unsent. */
  function interruptUnfinished(): void {
    try {
      for (const id of unfinished) sql.setResult.run(JSON.stringify(interrupted(id, now())), id)
      unfinished = []
    } catch (error) {
      if (diskFault(error) === undefined) throw error
    }
  }

  return {
    decide(ack) {
      sql.forget.run(now() - keptMs, maxExecutions)
      sql.insert.run(ack.execution_id, now(), JSON.stringify(ack))
    },
    finish: (result) => void sql.setResult.run(JSON.stringify(result), result.execution_id),
    repeat(executionId) {
      if (sql.forgetRefused.run(executionId).changes > 0) return false
      return sql.resend.run(executionId).changes > 0
    },
    *unsent() {
      interruptUnfinished()
      for (const { execution_id = '' } of sql.selectUnsent.all())
        yield* newsOf({ ...sql.select.get(execution_id) })
    },
    unsentCount: () => Number(sql.countUnsent.get()?.count),
    isUnsent(news) {
      const { kind, body } = news
      const row = sql.select.get(body.execution_id)
      // Of a decision that was forgotten the control plane has to hear, unless it has asked again since.
      if (!row) return kind === 'result' || body.reason !== noRoom
      if (kind === 'result') return row.result_sent === 0
      return row.ack_sent === 0 && row.ack === JSON.stringify(body)
    },
    setSent({ kind, body }) {
      if (kind === 'ack') sql.setAckSent.run(body.execution_id, JSON.stringify(body))
      else sql.setResultSent.run(body.execution_id)
    },
  }
}

const noRoom = 'max_concurrent_reached'

const statements = {
  insert: 'INSERT OR IGNORE INTO executions (execution_id, received_ms, ack) VALUES (?, ?, ?)',
  setResult: 'UPDATE executions SET result = ? WHERE execution_id = ? AND result IS NULL',
  forgetRefused: `DELETE FROM executions WHERE execution_id = ? AND ack ->> 'reason' = '${noRoom}'`,
  resend: 'UPDATE executions SET ack_sent = 0, result_sent = 0 WHERE execution_id = ?',
  selectUnfinished: `SELECT execution_id FROM executions WHERE result IS NULL AND ack ->> 'status' = 'accepted'`,
  selectUnsent: `SELECT execution_id FROM executions
    WHERE ack_sent = 0 OR (result IS NOT NULL AND result_sent = 0) ORDER BY received_ms`,
  countUnsent: `SELECT coalesce(sum(1 - ack_sent), 0) + coalesce(sum(result IS NOT NULL AND result_sent = 0), 0) AS count
    FROM executions`,
  select: 'SELECT ack, ack_sent, result, result_sent FROM executions WHERE execution_id = ?',
  // There may be another decision by now.
  setAckSent: 'UPDATE executions SET ack_sent = 1 WHERE execution_id = ? AND ack = ?',
  setResultSent: 'UPDATE executions SET result_sent = 1 WHERE execution_id = ?',
  // One that runs is kept, or its result would have no place: the clock may have been set by a day.
  forget: `DELETE FROM executions WHERE (result IS NOT NULL OR ack ->> 'status' = 'rejected') AND (
    (received_ms < ? AND ack_sent = 1 AND (result IS NULL OR result_sent = 1))
    OR execution_id IN (SELECT execution_id FROM executions ORDER BY received_ms DESC LIMIT -1 OFFSET ?))`,
}

function prepareAll(database: DatabaseSync): Record<keyof typeof statements, StatementSync> {
  const prepared = Object.entries(statements).map(([name, text]) => [name, database.prepare(text)])
  return Object.fromEntries(prepared)
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

function newsOf(row: Record<string, unknown>): ExecutionNews[] {
  const { ack, ack_sent, result, result_sent } = row
  return [
    ...(typeof ack === 'string' && ack_sent === 0
      ? [{ kind: 'ack' as const, body: JSON.parse(ack) }]
      : []),
    ...(typeof result === 'string' && result_sent === 0
      ? [{ kind: 'result' as const, body: JSON.parse(result) }]
      : []),
  ]
}
