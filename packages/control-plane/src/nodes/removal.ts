import type { Unit } from '../change.ts'
import { dropNode } from '../changes/nodes.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { forgetAnswer } from '../rows/bootstrap-tokens.ts'
import { deleteEntriesFor } from '../rows/entries.ts'
import { deleteReportsOf } from '../rows/reports.ts'

/**
 * Removes a node from the mesh: its peers are told, its stream ends, and its tokens become invalid.
 */
export async function removeNode(unit: Unit, node: NodeRecord): Promise<void> {
  await forgetAnswer(unit.tx, node.id)
  await deleteReportsOf(unit.tx, node.id)
  await deleteEntriesFor(unit, node)
  await dropNode(unit, node)
}
