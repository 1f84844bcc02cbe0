import { ApiError, adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { nodeDetail } from '../nodes/view.ts'
import { readNodeRow } from '../store/nodes.ts'
import { findNode } from './find-node.ts'

export const getNode = handle(adminApi.getNode, async ({ principal, params }, app) => {
  const { id } = findNode(app.fleet, principal, params.node)
  const row = await readNodeRow(app.store.reader, id)
  if (!row) throw new ApiError('not_found', `there is no node "${params.node}"`)
  return nodeDetail(app, row)
})
