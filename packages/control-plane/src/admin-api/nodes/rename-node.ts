import { adminApi } from '@plexd/protocol'
import type { Delivery, NodeMemory, State } from '../../app.ts'
import { changeNode } from '../../changes/nodes.ts'
import { handle } from '../../handle.ts'
import { readHostname, refuseTakenHostname } from '../../nodes/hostname.ts'
import { readNodeDetail } from '../../nodes/view.ts'
import { findNode } from '../wire/find-node.ts'

/** The node keeps its id, and with it its data, secrets and history. */
export const renameNode = handle(
  adminApi.renameNode,
  async ({ principal, params, body }, app: State & Delivery & NodeMemory) => {
    const hostname = readHostname('hostname', body.hostname)
    const before = await app.change(async (unit) => {
      const node = findNode(unit.fleet, principal, params.node)
      const { id, tenant_id: tenantId } = node
      refuseTakenHostname(unit.fleet, { tenantId, hostname, nodeId: id })
      if (node.hostname === hostname) return node
      await changeNode(unit, { ...node, hostname })
      return node
    })
    return readNodeDetail(app, before.id, params.node)
  },
)
