import { ApiError, parseDuration } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { DispatchPlace } from '../executions/dispatch.ts'
import { requestExecution } from '../executions/request.ts'
import { changeRunNode, type StoredRunNode } from '../rows/executions/run-nodes.ts'
import type { OpenRun } from './count.ts'

/**
 * Asks the next waiting node of a run. One that is gone is skipped; one that can no longer be asked, although it could when
 * the run was created, has failed.
 */
export async function beginNode(
  unit: Unit,
  { run, node }: { run: OpenRun; node: StoredRunNode },
  place: DispatchPlace,
): Promise<void> {
  run.waiting--
  const target = unit.fleet.node(node.node_id)
  if (target?.tenant_id !== run.tenant_id) {
    run.skipped++
    const reason = 'the node was removed'
    return changeRunNode(unit.tx, node, { status: 'skipped', reason, ended_at: unit.nowMs })
  }
  const { action, parameters, triggered_by: triggeredBy } = run
  const timeoutMs = run.timeout === null ? undefined : parseDuration(run.timeout)
  try {
    const expiresMs = run.expires === null ? undefined : parseDuration(run.expires)
    const request = { node: target, action, parameters, timeoutMs, expiresMs, triggeredBy }
    const { id } = await requestExecution(unit, request, place)
    run.running++
    const started = { execution_id: id, started_at: unit.nowMs }
    await changeRunNode(unit.tx, node, { status: 'running', ...started })
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    run.failed++
    const reason = error.message
    await changeRunNode(unit.tx, node, { status: 'failed', reason, ended_at: unit.nowMs })
  }
}
