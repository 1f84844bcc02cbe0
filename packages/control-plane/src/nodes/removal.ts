import type { Unit } from '../change.ts'
import { dropNode } from '../changes/nodes.ts'
import type { DispatchPlace } from '../executions/dispatch.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { forgetAnswer } from '../rows/bootstrap-tokens.ts'
import { deleteEntriesFor } from '../rows/entries.ts'
import { endAllOf } from '../rows/executions/execution-queue.ts'
import { deleteReportsOf } from '../rows/reports.ts'
import { executionEnded } from '../runs/advance.ts'
import { revokeSessionsOf } from '../sessions/end-sessions.ts'

/**
 * Removes a node from the mesh: its peers are told, its stream ends, its tokens become invalid, and nothing more is awaited
 * from it, by a run neither.
 */
export async function removeNode(
  unit: Unit,
  node: NodeRecord,
  place: DispatchPlace,
): Promise<void> {
  await forgetAnswer(unit.tx, node.id)
  await deleteReportsOf(unit.tx, node.id)
  await deleteEntriesFor(unit, node)
  await revokeSessionsOf(unit, { node_id: node.id }, 'the node was removed')
  await dropNode(unit, node)
  for (const execution of await endAllOf(unit.tx, node.id, unit.nowMs))
    await executionEnded(unit, execution, place)
}
