import type { NodeStatus } from '@plexd/protocol'
import type { App } from '../app.ts'
import type { Unit } from '../change.ts'
import { changeNode } from '../changes/announce.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { forgetAnswer } from '../rows/bootstrap-tokens.ts'

/** A node has been heard of: it is online, and its peers are told if they had given it up. Durable when it resolves. */
export async function markOnline(app: App, nodeId: string): Promise<void> {
  await app.change(async (unit) => {
    const node = unit.fleet.node(nodeId)
    if (!node || node.status === 'online') return
    await changeStatus(unit, node, 'online')
    // It has its identity now, so the answer to its registration need not be given again.
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
