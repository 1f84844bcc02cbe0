import { type Static, Type } from 'typebox'
import { mapOf, NodeId, Timestamp, WholeNumber } from '../schemas/scalars.ts'

/** Who requested an execution. */
export const TriggeredBy = Type.Object({
  type: Type.Optional(
    Type.String({ examples: ['control_plane', 'session', 'direct_access', 'local_emergency'] }),
  ),
  session_id: Type.Optional(Type.String()),
  user_id: Type.Optional(Type.String()),
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

/** `expired`: the deadline passed without a result from the node. */
export const ExecutionStatus = Type.Enum([
  'pending',
  'accepted',
  'rejected',
  'success',
  'failure',
  'timeout',
  'cancelled',
  'expired',
])
export type ExecutionStatus = Static<typeof ExecutionStatus>

/** One run of an action on one node, as an operator sees it. */
export const Execution = Type.Object({
  id: Type.String({ examples: ['exec_a1b2c3d4'] }),
  node_id: NodeId,
  node_hostname: Type.String({ description: 'The last that it had, if it was removed' }),
  action: Type.String(),
  parameters: mapOf(Type.String()),
  timeout: Type.String(),
  status: ExecutionStatus,
  reason: Type.String(),
  exit_code: Type.Union([WholeNumber, Type.Null()]),
  stdout: Type.String(),
  stderr: Type.String(),
  duration: Type.String(),
  triggered_by: TriggeredBy,
  created_at: Timestamp,
  acked_at: Type.Union([Timestamp, Type.Null()]),
  finished_at: Type.Union([Timestamp, Type.Null()]),
})
export type Execution = Static<typeof Execution>
