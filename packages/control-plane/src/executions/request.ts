import { ApiError, formatDuration, newId, type TriggeredBy } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { Limits } from '../limits.ts'
import { refuseOverlong } from '../log/new-event.ts'
import type { NodeRecord, OperatorRecord } from '../mesh/fleet.ts'
import { countOutstanding, countQueued } from '../rows/executions/execution-queue.ts'
import { insertExecution, type StoredExecution } from '../rows/executions/executions.ts'
import { readNode } from '../rows/fleet/nodes.ts'
import { type DispatchPlace, requestEvent, roomOf } from './dispatch.ts'
import { type AnnouncedAction, findAction } from './find-action.ts'
import { queueDeadline, send } from './transitions.ts'
import { completeParameters } from './upgrade-parameters.ts'

/** What is asked of a node. */
export interface ExecutionRequest {
  node: NodeRecord
  /** By its name, a hook also by `hooks/<name>`. */
  action: string
  parameters: Record<string, string>
  /** How long the action may run; if undefined, as long as it says itself, or else 30 s. */
  timeoutMs: number | undefined
  /** How long it may wait until the node accepts it; if undefined, for its timeout once it is sent. */
  expiresMs?: number | undefined
  triggeredBy: TriggeredBy
}

/** That of the specification. */
const defaultTimeoutMs = 30_000

/**
 * Asks a node to run an action; the request is durable with the unit. It waits if the node has no room. Throws an ApiError:
 * 400 for an action that the node has not, parameters that are too long, or an upgrade to a build that is not there; 409 for a node that has announced no action; 429
 * if too many wait.
 */
export async function requestExecution(
  unit: Unit,
  request: ExecutionRequest,
  place: DispatchPlace,
): Promise<StoredExecution> {
  const { node } = request
  const { limits } = place.config
  refuseLongParameters(request.parameters, limits)
  const stored = await readNode(unit.tx, node.id)
  const capabilities = stored?.capabilities ?? null
  const action = findAction(request.action, capabilities)
  const timeoutMs = request.timeoutMs ?? action.timeoutMs ?? defaultTimeoutMs
  const parameters = await completeParameters(unit.tx, node, {
    action: action.name,
    parameters: request.parameters,
  })
  const queued = newExecution(
    unit,
    { ...request, parameters },
    {
      action,
      timeoutMs,
      queuedMs: limits.queued_execution_ms,
    },
  )
  const event = requestEvent(queued, node, place)
  // Whoever makes room for it later must not be refused for it.
  refuseOverlong(event)
  const waiting = await countQueued(unit.tx, { node_id: node.id })
  const hasRoom =
    waiting === 0 && (await countOutstanding(unit.tx, node.id)) < roomOf(capabilities, place)
  if (!hasRoom) await refuseFull(unit, node, { waiting, limits })
  const sent = hasRoom ? { seq: unit.emit(event)?.seq ?? 0 } : undefined
  const execution = sent
    ? { ...queued, ...send(queued, { ...sent, nowMs: unit.nowMs, timeoutMs }) }
    : queued
  await insertExecution(unit.tx, execution)
  return execution
}

function newExecution(
  { nowMs }: Unit,
  { node, parameters, expiresMs, triggeredBy }: ExecutionRequest,
  { action, timeoutMs, queuedMs }: { action: AnnouncedAction; timeoutMs: number; queuedMs: number },
): StoredExecution {
  const expires_at = expiresMs === undefined ? null : nowMs + expiresMs
  return {
    id: newId('execution'),
    tenant_id: node.tenant_id,
    node_id: node.id,
    action: action.name,
    type: action.type,
    parameters,
    checksum: action.checksum ?? null,
    timeout: formatDuration(timeoutMs),
    status: 'queued',
    reason: '',
    late: false,
    exit_code: null,
    stdout: '',
    stderr: '',
    duration: '',
    raw_status: null,
    triggered_by: triggeredBy,
    result_digest: null,
    event_seq: 0,
    created_at: nowMs,
    expires_at,
    deadline_at: queueDeadline({ expires_at, created_at: nowMs }, queuedMs),
    held_until: null,
    sent_at: null,
    acked_at: null,
    cancel_requested_at: null,
    cancel_seq: null,
    finished_at: null,
  }
}

async function refuseFull(
  { tx }: Unit,
  { hostname, tenant_id }: NodeRecord,
  { waiting, limits }: { waiting: number; limits: Limits },
): Promise<void> {
  if (waiting >= limits.queued_executions)
    throw new ApiError(
      'too_many_requests',
      `${waiting} executions wait for "${hostname}", and the limit queued_executions is ${limits.queued_executions}: cancel some, or ask again when some have ended`,
    )
  const ofAll = await countQueued(tx, { tenant_id })
  if (ofAll >= limits.tenant_queued_executions)
    throw new ApiError(
      'too_many_requests',
      `${ofAll} executions wait for their nodes, and the limit tenant_queued_executions is ${limits.tenant_queued_executions}: cancel some, or ask again when some have ended`,
    )
}

/** An operator, as the one who requested an execution. */
export function triggeredByOperator({
  id,
  name,
}: Pick<OperatorRecord, 'id' | 'name'>): TriggeredBy {
  return { type: 'control_plane', session_id: '', user_id: id, user_name: name, email: '' }
}

/** Throws an ApiError (400). */
export function refuseLongParameters(
  parameters: Record<string, string>,
  { action_parameter_bytes: most }: Pick<Limits, 'action_parameter_bytes'>,
): void {
  const bytes = Buffer.byteLength(JSON.stringify(parameters))
  if (bytes <= most) return
  throw new ApiError(
    'bad_request',
    `parameters have ${bytes} bytes, and action_parameter_bytes is ${most}: give the node a data entry, and name that`,
  )
}
