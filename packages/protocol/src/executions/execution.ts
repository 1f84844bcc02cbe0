import { type Static, Type } from 'typebox'
import { mapOf, NodeId, Timestamp, WholeNumber } from '../schemas/scalars.ts'

/** Who requested an execution. */
export const TriggeredBy = Type.Object({
  type: Type.Optional(
    Type.String({ examples: ['control_plane', 'session', 'direct_access', 'local_emergency'] }),
  ),
  session_id: Type.Optional(Type.String()),
  user_id: Type.Optional(Type.String()),
  user_name: Type.Optional(Type.String()),
  email: Type.Optional(Type.String()),
})
export type TriggeredBy = Static<typeof TriggeredBy>

export const ExecutionAck = Type.Object({
  execution_id: Type.Optional(Type.String()),
  status: Type.Enum(['accepted', 'rejected']),
  reason: Type.Optional(Type.String({ maxLength: 4_096 })),
})
export type ExecutionAck = Static<typeof ExecutionAck>

/** The Go agent says `failed` and `error` for `failure`. */
export const ExecutionResult = Type.Object({
  execution_id: Type.Optional(Type.String()),
  status: Type.Enum(['success', 'failure', 'timeout', 'cancelled', 'failed', 'error']),
  exit_code: Type.Optional(WholeNumber),
  stdout: Type.Optional(Type.String()),
  stderr: Type.Optional(Type.String()),
  duration: Type.Optional(Type.String({ examples: ['2.34s'] })),
  finished_at: Type.Optional(Timestamp),
  triggered_by: Type.Optional(Type.Union([TriggeredBy, Type.Null()])),
})
export type ExecutionResult = Static<typeof ExecutionResult>

/** stdout and stderr are each truncated to this many bytes (control API, "Action Execution Callbacks"). */
export const maxOutputBytes = 64 * 1024

/**
 * `queued`: waits for a place on its node. `pending`: sent, and not acknowledged. `expired`: not acknowledged in time.
 * `lost`: accepted, and no result came in time. A result counts whenever it comes.
 */
export const ExecutionStatus = Type.Enum([
  'queued',
  'pending',
  'accepted',
  'rejected',
  'success',
  'failure',
  'timeout',
  'cancelled',
  'expired',
  'lost',
])
export type ExecutionStatus = Static<typeof ExecutionStatus>

/** Whether nothing more is awaited of an execution with this status. */
export function hasEnded(status: ExecutionStatus): boolean {
  return status !== 'queued' && status !== 'pending' && status !== 'accepted'
}

const Moment = Type.Union([Timestamp, Type.Null()])

/** One run of an action on one node, as an operator sees it. */
export const Execution = Type.Object({
  id: Type.String({ examples: ['exec_a1b2c3d4'] }),
  node_id: NodeId,
  node_hostname: Type.String({ description: 'The last that it had, if it was removed' }),
  run_id: Type.Union([Type.String(), Type.Null()], {
    description: 'The run of many nodes that it is part of, if any',
  }),
  action: Type.String(),
  parameters: mapOf(Type.String()),
  timeout: Type.String(),
  status: ExecutionStatus,
  reason: Type.String(),
  ahead: Type.Optional(
    Type.Integer({ description: 'Of one that is `queued`: how many wait before it; not in lists' }),
  ),
  late: Type.Boolean({
    description: 'Whether the result came after it had ended without one',
  }),
  exit_code: Type.Union([WholeNumber, Type.Null()]),
  stdout: Type.String(),
  stderr: Type.String(),
  duration: Type.String(),
  triggered_by: TriggeredBy,
  created_at: Timestamp,
  sent_at: Moment,
  acked_at: Moment,
  cancel_requested_at: Moment,
  expires_at: Type.String({
    format: 'date-time',
    description: 'When it ends without an acknowledgement or, once accepted, without a result',
  }),
  finished_at: Moment,
})
export type Execution = Static<typeof Execution>

/** Why an execution ended, for a person; empty when its status says it all. */
export function whyEnded({
  status,
  reason,
  exit_code,
}: Pick<Execution, 'status' | 'reason' | 'exit_code'>): string {
  if (reason !== '') return reason
  return status === 'success' || exit_code === null ? '' : `exit code ${exit_code}`
}
