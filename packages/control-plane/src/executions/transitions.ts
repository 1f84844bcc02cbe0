import { createHash } from 'node:crypto'
import {
  ApiError,
  type ExecutionAck,
  type ExecutionResult,
  type ExecutionStatus,
  hasEnded,
} from '@plexd/protocol'
import type { ExecutionChange, StoredExecution } from '../rows/executions/executions.ts'
import { nextOf, noRoom } from './states.ts'

/** How long after the action's timeout we wait for the node's result. */
export const deadlineGraceMs = 30_000

/** How long a node that had no room is sent no further request, unless one of its executions ends. */
const holdMs = 5_000

/**
 * The effect of an acknowledgement; undefined for a repeat, and for one after the result or the deadline.
 * Throws an ApiError (409) if it contradicts an earlier one.
 */
export function acknowledge(
  row: StoredExecution,
  { status, reason = '' }: ExecutionAck,
  { nowMs, timeoutMs, queuedMs }: { nowMs: number; timeoutMs: number; queuedMs: number },
): ExecutionChange | undefined {
  const said = status === 'rejected' && reason === noRoom ? 'no room' : status
  const next = nextOf(row, said)
  switch (next) {
    case 'accepted':
      return {
        status: next,
        acked_at: nowMs,
        deadline_at: nowMs + timeoutMs + deadlineGraceMs,
      }
    case 'rejected':
      return { status: next, reason, acked_at: nowMs, finished_at: nowMs }
    case 'queued':
      return {
        status: next,
        reason,
        held_until: nowMs + holdMs,
        deadline_at: queueDeadline(row, queuedMs),
      }
    case 'unchanged':
      return row.acked_at === null ? { acked_at: nowMs } : undefined
    default:
      throw new ApiError(
        'conflict',
        `execution "${row.id}" is ${row.status}, it cannot be ${status}`,
      )
  }
}

/** Until when an execution may wait to be sent. */
export function queueDeadline(
  { expires_at, created_at }: Pick<StoredExecution, 'expires_at' | 'created_at'>,
  queuedMs: number,
): number {
  return expires_at ?? created_at + queuedMs
}

/** The effect of sending the request. */
export function send(
  { expires_at }: Pick<StoredExecution, 'expires_at'>,
  { nowMs, timeoutMs, seq }: { nowMs: number; timeoutMs: number; seq: number },
) {
  return {
    status: 'pending' as const,
    reason: '',
    event_seq: seq,
    sent_at: nowMs,
    held_until: null,
    deadline_at: expires_at ?? nowMs + timeoutMs + deadlineGraceMs,
  }
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
  if (nextOf(row, 'result') === undefined)
    throw new ApiError(
      'conflict',
      `execution "${row.id}" is ${row.status}, it cannot have a result`,
    )
  return {
    status: statusOf(result.status),
    late: hasEnded(row.status),
    reason: '',
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

/**
 * The effect of an operator's cancelling: one that is accepted goes on until the node has ended it; undefined if that was
 * asked before. Throws an ApiError (409) for one that has ended.
 */
export function cancel(row: StoredExecution, nowMs: number): ExecutionChange | undefined {
  const next = nextOf(row, 'cancelled')
  if (next === undefined)
    throw new ApiError('conflict', `execution "${row.id}" has ended: it is ${row.status}`)
  if (next === 'unchanged')
    return row.cancel_requested_at === null ? { cancel_requested_at: nowMs } : undefined
  return {
    status: 'cancelled',
    reason: 'cancelled before the node had accepted it',
    cancel_requested_at: nowMs,
    finished_at: nowMs,
  }
}

/** The effect of the deadline; undefined if the execution has ended before. */
export function passDeadline(row: StoredExecution, nowMs: number): ExecutionChange | undefined {
  const next = nextOf(row, 'deadline')
  if (next !== 'expired' && next !== 'lost') return undefined
  return { status: next, reason: whyOver(row), finished_at: nowMs }
}

function whyOver({ status, reason }: StoredExecution): string {
  if (status === 'accepted') return 'the node accepted it, and no result came in time'
  if (status === 'pending') return 'the node did not answer in time'
  return reason === noRoom
    ? 'the node had no room for it until it expired'
    : 'it waited for a place on the node until it expired'
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
