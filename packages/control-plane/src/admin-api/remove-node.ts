import { adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import * as removal from '../node-removal.ts'
import { findNode } from './find-node.ts'

export const removeNode = handle(adminApi.removeNode, async ({ principal, params }, app) => {
  const { id, hostname } = await app.change(async (unit) => {
    const node = findNode(unit.fleet, principal, params.node)
    await removal.removeNode(unit, app, node)
    return node
  })
  app.log.info('node removed', { node_id: id, hostname, by: principal.name })
  return {}
})
