import { describeError } from '@plexd/runtime'
import type { AgentConfig } from '../config/agent-config.ts'
import type { ActionCatalog } from './catalog.ts'
import { type Action, ActionRefusal, type PreparedAction } from './define.ts'
import type { LimitedRun } from './limited-run.ts'
import type { ActionRequest } from './request.ts'

/** Executions by id, undefined while one is prepared. Those of the control plane and local ones are counted apart. */
export type Running = Map<string, LimitedRun | undefined>

export interface Admitted {
  action: Action
  run: PreparedAction
}

export interface AdmissionDeps {
  config: Pick<AgentConfig, 'actionsEnabled' | 'maxConcurrentActions'>
  actions: Pick<ActionCatalog, 'find'>
  /** Aborted when plexd stops. */
  stopping: AbortSignal
}

/**
 * Takes a place among those that run, and prepares the action. Rejects with an ActionRefusal, whose message is a reason
 * of the wire contract, or `invalid_parameters` or `cannot_prepare` with words; then no place is taken.
 */
export async function admit(
  request: ActionRequest,
  running: Running,
  { config, actions, stopping }: AdmissionDeps,
): Promise<Admitted> {
  const { execution_id } = request
  if (!config.actionsEnabled) throw new ActionRefusal('actions_disabled')
  if (stopping.aborted) throw new ActionRefusal('shutting_down')
  const action = actions.find(request.action)
  if (!action) throw new ActionRefusal('unknown_action')
  if (running.has(execution_id)) throw new ActionRefusal('duplicate_execution_id')
  if (running.size >= config.maxConcurrentActions) throw new ActionRefusal('max_concurrent_reached')
  running.set(execution_id, undefined)
  try {
    const run = await action.prepare(request.parameters ?? {}, request.checksum)
    if (stopping.aborted) throw new ActionRefusal('shutting_down')
    return { action, run }
  } catch (error) {
    running.delete(execution_id)
    throw refusalOf(error)
  }
}

function refusalOf(error: unknown): ActionRefusal {
  if (error instanceof ActionRefusal) return error
  const what = error instanceof RangeError ? 'invalid_parameters' : 'cannot_prepare'
  return new ActionRefusal(`${what}: ${describeError(error)}`)
}
