import type { NodeStatus } from '@plexd/protocol'
import { changeNode } from './announce.ts'
import type { App } from './app.ts'

/** Gives a node another status, durably, and tells its peers. Nothing happens when it has it, or has left. */
export async function setStatus(app: App, nodeId: string, status: NodeStatus): Promise<void> {
  await app.change(async (unit) => {
    const node = unit.fleet.node(nodeId)
    if (!node || node.status === status) return
    await unit.tx
      .updateTable('nodes')
      .set({ status, ...(status === 'online' ? { last_seen_at: unit.nowMs } : {}) })
      .where('id', '=', nodeId)
      .execute()
    if (status === 'online') {
      // It has its identity now, so the answer to its registration need not be given again.
      await unit.tx
        .updateTable('bootstrap_tokens')
        .set({ answer_sealed: null })
        .where('node_id', '=', nodeId)
        .execute()
    }
    await changeNode(unit, { ...node, status })
  })
}
