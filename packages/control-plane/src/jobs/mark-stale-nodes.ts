import type { Environment, NodeMemory, State } from '../app.ts'
import { changeNode } from '../changes/nodes.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { statusAfterSilence } from '../mesh/liveness.ts'

/** Marks silent nodes as unreachable or offline, and notifies their peers. */
export async function markStaleNodes(app: State & NodeMemory & Environment): Promise<void> {
  app.presence.beat()
  const stale = [...app.fleet.allNodes()].filter((node) => statusNow(app, node) !== node.status)
  for (const { id } of stale) {
    const marked = await app.change(async (unit) => {
      const node = unit.fleet.node(id)
      // It may have called while the others were being marked.
      const status = node && statusNow(app, node)
      if (!node || !status || status === node.status) return undefined
      await changeNode(unit, { ...node, status })
      return { node_id: id, hostname: node.hostname, status }
    })
    if (marked) app.log.warn('node is silent', marked)
  }
}

function statusNow(app: NodeMemory & Environment, node: NodeRecord) {
  return statusAfterSilence(node.status, {
    silentMs: app.presence.silentMs(node.no),
    intervalMs: app.config.heartbeatIntervalMs,
  })
}
