import type { NodeStatus } from '@plexd/protocol'
import type { State } from '../app.ts'
import type { Unit } from '../change.ts'
import { changeNode } from '../changes/nodes.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { forgetAnswer } from '../rows/bootstrap-tokens.ts'

/** Call this when a node was heard from: it is online, and peers that had removed it are told. Durable when it resolves. */
export async function markOnline(app: State, nodeId: string): Promise<void> {
  await app.change(async (unit) => {
    const node = unit.fleet.node(nodeId)
    if (!node || node.status === 'online') return
    await changeStatus(unit, node, 'online')
    // It has stored its identity, so the registration answer is no longer needed for a retry.
    await forgetAnswer(unit.tx, nodeId)
  })
}

export async function changeStatus(
  unit: Unit,
  node: NodeRecord,
  status: NodeStatus,
): Promise<void> {
  await changeNode(unit, { ...node, status })
}
