import { adminApi } from '@plexd/protocol'
import type { Delivery, NodeMemory, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { readNodeDetail } from '../../nodes/view.ts'
import { findNode } from '../wire/find-node.ts'

export const getNode = handle(
  adminApi.getNode,
  async ({ principal, params }, app: State & Delivery & NodeMemory) => {
    const { id } = findNode(app.fleet, principal, params.node)
    return readNodeDetail(app, id, params.node)
  },
)
