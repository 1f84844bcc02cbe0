import { ApiError, formatDuration, newId, type TriggeredBy } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { Config } from '../config/config.ts'
import type { NodeRecord, OperatorRecord } from '../mesh/fleet.ts'
import { insertExecution, type StoredExecution } from '../rows/executions.ts'
import { readNode } from '../rows/fleet/nodes.ts'
import { findAction } from './find-action.ts'
import { deadlineGraceMs } from './transitions.ts'

/** What is asked of a node. */
export interface ExecutionRequest {
  node: NodeRecord
  /** By its name, a hook also by `hooks/<name>`. */
  action: string
  parameters: Record<string, string>
  /** How long the action may run. */
  timeoutMs: number
  triggeredBy: TriggeredBy
}

/** What of the app dispatching needs. */
export interface DispatchPlace {
  readonly config: Pick<Config, 'limits'>
  /** `https://host:port` at which nodes reach us. */
  publicUrl(): string
}

/**
 * Asks a node to run an action; the request is durable with the unit. Throws an ApiError: 400 for an action that the node has
 * not, or parameters that are too long; 409 for a node that has announced no action.
 */
export async function requestExecution(
  unit: Unit,
  { node, action: name, parameters, timeoutMs, triggeredBy }: ExecutionRequest,
  { config, publicUrl }: DispatchPlace,
): Promise<StoredExecution> {
  refuseLong(JSON.stringify(parameters), config.limits.action_parameter_bytes)
  const stored = await readNode(unit.tx, node.id)
  const action = findAction(name, stored?.capabilities ?? null)
  const id = newId('execution')
  const timeout = formatDuration(timeoutMs)
  const event = unit.emit({
    type: 'action_request',
    to: [node],
    payload: {
      execution_id: id,
      action: action.name,
      type: action.type,
      parameters,
      timeout,
      ...(action.checksum === undefined ? {} : { checksum: action.checksum }),
      callback_url: `${publicUrl()}/v1/nodes/${node.id}/executions/${id}`,
      triggered_by: triggeredBy,
    },
  })
  const execution: StoredExecution = {
    id,
    tenant_id: node.tenant_id,
    node_id: node.id,
    action: action.name,
    type: action.type,
    parameters,
    checksum: action.checksum ?? null,
    timeout,
    status: 'pending',
    reason: '',
    exit_code: null,
    stdout: '',
    stderr: '',
    duration: '',
    raw_status: null,
    triggered_by: triggeredBy,
    result_digest: null,
    event_seq: event?.seq ?? 0,
    created_at: unit.nowMs,
    deadline_at: unit.nowMs + timeoutMs + deadlineGraceMs,
    acked_at: null,
    finished_at: null,
  }
  await insertExecution(unit.tx, execution)
  return execution
}

/** An operator, as the one who requested an execution. */
export function triggeredByOperator({ id }: Pick<OperatorRecord, 'id'>): TriggeredBy {
  return { type: 'control_plane', session_id: '', user_id: id, email: '' }
}

function refuseLong(parameters: string, most: number): void {
  const bytes = Buffer.byteLength(parameters)
  if (bytes <= most) return
  throw new ApiError(
    'bad_request',
    `parameters have ${bytes} bytes, and action_parameter_bytes is ${most}: give the node a data entry, and name that`,
  )
}
