import { adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { askForNewKey } from '../key-rotation-request.ts'
import { refuseWithoutRotation } from '../node-agent.ts'
import { findNode } from './find-node.ts'

export const requestKeyRotation = handle(
  adminApi.requestKeyRotation,
  async ({ principal, params }, app) => {
    await app.change(async (unit) => {
      const node = findNode(unit.fleet, principal, params.node)
      refuseWithoutRotation(node)
      await askForNewKey(unit, node, 'an operator asked for it')
    })
    return {}
  },
)
