import type { ExecutionStatus } from '@plexd/protocol'
import type { StoredExecution } from '../rows/executions/executions.ts'

/** With this reason a node rejects what it would take later (wire contract 8). */
export const noRoom = 'max_concurrent_reached'

type Cause = 'sent' | 'accepted' | 'rejected' | 'no room' | 'result' | 'cancelled' | 'deadline'
/** `as reported`: the status of the result. `unchanged`: a repeat, or too late to matter. */
type Next = ExecutionStatus | 'as reported' | 'unchanged'

const untilAccepted = {
  accepted: 'accepted',
  rejected: 'rejected',
  'no room': 'queued',
  result: 'as reported',
  cancelled: 'cancelled',
  deadline: 'expired',
} as const
/** We have ended it, and the node may not know. */
const endedByUs = {
  accepted: 'unchanged',
  rejected: 'unchanged',
  'no room': 'unchanged',
  result: 'as reported',
} as const
const reported = { accepted: 'unchanged' } as const

/**
 * What becomes of an execution; what is not here contradicts what the node or we have said before. A node may answer one
 * that is queued: it was sent before, and there was no room.
 */
export const transitions: Readonly<
  Record<ExecutionStatus, Readonly<Partial<Record<Cause, Next>>>>
> = {
  queued: { ...untilAccepted, sent: 'pending' },
  pending: untilAccepted,
  accepted: {
    accepted: 'unchanged',
    result: 'as reported',
    // The node ends it, and says how.
    cancelled: 'unchanged',
    deadline: 'lost',
  },
  rejected: { rejected: 'unchanged', 'no room': 'unchanged' },
  success: reported,
  failure: reported,
  timeout: reported,
  cancelled: endedByUs,
  expired: endedByUs,
  lost: { accepted: 'unchanged', result: 'as reported' },
}

/** What becomes of this one; undefined if that contradicts what was said before. */
export function nextOf({ status, result_digest }: StoredExecution, cause: Cause): Next | undefined {
  // Of `cancelled` only: the node may have said so.
  return result_digest === null ? transitions[status][cause] : reported[cause as 'accepted']
}
