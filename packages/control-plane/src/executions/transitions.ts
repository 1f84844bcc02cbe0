import { createHash } from 'node:crypto'
import {
  ApiError,
  type ExecutionAck,
  type ExecutionResult,
  type ExecutionStatus,
} from '@plexd/protocol'
import type { ExecutionChange, StoredExecution } from '../rows/executions.ts'

/** How long after the action's timeout we wait for the node's result. */
export const deadlineGraceMs = 30_000

/** Whether the execution has ended; a result may still arrive after `expired`. */
export function isFinal(status: string): boolean {
  return status !== 'pending' && status !== 'accepted'
}

/**
 * The effect of an acknowledgement; undefined for a repeat, and for one after the result or the deadline.
 * Throws an ApiError (409) if it contradicts an earlier one.
 */
export function acknowledge(
  row: StoredExecution,
  { status, reason = '' }: ExecutionAck,
  { nowMs, timeoutMs }: { nowMs: number; timeoutMs: number },
): ExecutionChange | undefined {
  if (row.status === 'pending')
    return status === 'accepted'
      ? { status, acked_at: nowMs, deadline_at: nowMs + timeoutMs + deadlineGraceMs }
      : { status, reason, acked_at: nowMs, finished_at: nowMs }
  const contradicts =
    status === 'accepted'
      ? row.status === 'rejected'
      : !['rejected', 'expired'].includes(row.status)
  if (contradicts)
    throw new ApiError('conflict', `execution "${row.id}" is ${row.status}, it cannot be ${status}`)
  return row.acked_at === null ? { acked_at: nowMs } : undefined
}

/**
 * The effect of a result; undefined if the same result is repeated. A result after the deadline still counts.
 * Throws an ApiError (409) for a second, different one, and for a rejected execution.
 */
export function finish(
  row: StoredExecution,
  result: ExecutionResult,
  nowMs: number,
): ExecutionChange | undefined {
  const result_digest = digestOf(result)
  if (row.result_digest === result_digest) return undefined
  if (row.result_digest !== null)
    throw new ApiError('conflict', `execution "${row.id}" has another result already`)
  if (row.status === 'rejected')
    throw new ApiError('conflict', `execution "${row.id}" is rejected, it cannot have a result`)
  return {
    status: statusOf(result.status),
    raw_status: result.status,
    exit_code: result.exit_code ?? null,
    stdout: result.stdout ?? '',
    stderr: result.stderr ?? '',
    duration: (result.duration ?? '').slice(0, 64),
    acked_at: row.acked_at ?? nowMs,
    finished_at: finishedMs(result, nowMs),
    result_digest,
  }
}

/** The node's time, but never later than its arrival here; Go's zero time is ignored. */
function finishedMs({ finished_at }: ExecutionResult, nowMs: number): number {
  const ms = Date.parse(finished_at ?? '')
  return ms > 0 ? Math.min(ms, nowMs) : nowMs
}

/** The Go agent's words are `failed` and `error`. */
function statusOf(word: ExecutionResult['status']): ExecutionStatus {
  return word === 'failed' || word === 'error' ? 'failure' : word
}

function digestOf(result: ExecutionResult): string {
  const { status, exit_code, stdout, stderr, duration, finished_at } = result
  const parts = [status, exit_code, stdout, stderr, duration, finished_at]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
