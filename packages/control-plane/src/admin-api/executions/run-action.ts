import {
  ApiError,
  adminApi,
  type Execution,
  formatDuration,
  newId,
  type TriggeredBy,
} from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import { findAction } from '../../executions/find-action.ts'
import { deadlineGraceMs } from '../../executions/transitions.ts'
import { executionView } from '../../executions/view.ts'
import { type Call, handle } from '../../handle.ts'
import { insertExecution, type StoredExecution } from '../../rows/executions.ts'
import { readNode } from '../../rows/fleet/nodes.ts'
import { readDuration } from '../wire/durations.ts'
import { findNode } from '../wire/find-node.ts'

/** Asks a node to run an action. The request is durable in the log before this is answered. */
export const runAction = handle(
  adminApi.runAction,
  async (call, app: State & Environment): Promise<Execution> => {
    const { body } = call
    const timeoutMs = readDuration(body.timeout ?? '30s', {
      field: 'timeout',
      min: '1s',
      max: '24h',
    })
    const parameters = body.parameters ?? {}
    refuseLong(JSON.stringify(parameters), app.config.limits.action_parameter_bytes)
    return dispatch(call, app, { timeoutMs, parameters })
  },
)

function refuseLong(parameters: string, most: number): void {
  const bytes = Buffer.byteLength(parameters)
  if (bytes <= most) return
  throw new ApiError(
    'bad_request',
    `parameters have ${bytes} bytes, and action_parameter_bytes is ${most}: give the node a data entry, and name that`,
  )
}

function dispatch(
  { principal, params, body }: Call<typeof adminApi.runAction>,
  app: State & Environment,
  { timeoutMs, parameters }: { timeoutMs: number; parameters: Record<string, string> },
): Promise<Execution> {
  return app.change(async (unit) => {
    const node = findNode(unit.fleet, principal, params.node)
    const stored = await readNode(unit.tx, node.id)
    const action = findAction(body.action, stored?.capabilities ?? null)
    const id = newId('execution')
    const timeout = formatDuration(timeoutMs)
    const triggered_by: TriggeredBy = {
      type: 'control_plane',
      session_id: '',
      user_id: principal.id,
      email: '',
    }
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
        callback_url: `${app.publicUrl()}/v1/nodes/${node.id}/executions/${id}`,
        triggered_by,
      },
    })
    const execution: StoredExecution = {
      id,
      tenant_id: principal.tenant_id,
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
      triggered_by,
      result_digest: null,
      event_seq: event?.seq ?? 0,
      created_at: unit.nowMs,
      deadline_at: unit.nowMs + timeoutMs + deadlineGraceMs,
      acked_at: null,
      finished_at: null,
    }
    await insertExecution(unit.tx, execution)
    return executionView(execution, node.hostname)
  })
}
