import type { State } from '../app.ts'
import { changeNode } from '../changes/nodes.ts'
import { forgetAnswer } from '../rows/bootstrap-tokens.ts'

/** Call this when a node was heard from: it is online, and peers that had removed it are told. Durable when it resolves. */
export async function markOnline(app: State, nodeId: string): Promise<void> {
  await app.change(async (unit) => {
    const node = unit.fleet.node(nodeId)
    if (!node || node.status === 'online') return
    await changeNode(unit, { ...node, status: 'online' })
    // It has stored its identity, so the registration answer is no longer needed for a retry.
    await forgetAnswer(unit.tx, nodeId)
  })
}
