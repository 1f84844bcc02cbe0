import { hasEnded } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { DispatchPlace } from '../executions/dispatch.ts'
import { settle } from '../executions/settle.ts'
import { cancel } from '../executions/transitions.ts'
import { readExecutionsOf, type StoredExecution } from '../rows/executions/executions.ts'
import { changeRunNode, readFirstNodes, type StoredRunNode } from '../rows/executions/run-nodes.ts'
import { countEnded, endNode, type OpenRun } from './count.ts'
import { verdictOfCancelled } from './criteria.ts'

/**
 * Cancels up to `limit` of the nodes of a cancelled run that go on, and as many of those that only have to show how they are.
 * Resolves to the executions that it cancelled, and to whether there may be more. A node that runs its execution ends it, or
 * not, and says so.
 */
export async function cancelNodes(
  unit: Unit,
  run: OpenRun,
  { place, limit }: { place: DispatchPlace; limit: number },
): Promise<{ cancelled: string[]; more: boolean }> {
  const running = await readFirstNodes(unit.tx, run.id, 'running', limit)
  const ids = running.flatMap(({ execution_id }) => execution_id ?? [])
  const executions = await readExecutionsOf(unit.tx, ids, { tenant_id: run.tenant_id })
  for (const node of running)
    await cancelNode(unit, { run, node, row: executions.get(node.execution_id ?? '') }, place)
  const verifying = run.criterion ? await readFirstNodes(unit.tx, run.id, 'verifying', limit) : []
  for (const node of verifying)
    if (run.criterion) await endNode(unit, run, node, verdictOfCancelled(run.criterion))
  return {
    cancelled: ids,
    more: running.length === limit || verifying.length === limit,
  }
}

async function cancelNode(
  unit: Unit,
  { run, node, row }: { run: OpenRun; node: StoredRunNode; row: StoredExecution | undefined },
  place: DispatchPlace,
): Promise<void> {
  const change = row && !hasEnded(row.status) ? cancel(row, unit.nowMs) : undefined
  const after = row && change ? await settle(unit, row, change, place) : row
  if (after && !hasEnded(after.status))
    return changeRunNode(unit.tx, node, { status: 'cancelling' })
  await countEnded(unit, run, { node, execution: after ?? null })
}
