import { adminApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { refuseWithoutRotation } from '../../nodes/agent.ts'
import { askForNewKey } from '../../rotation/key-request.ts'
import { findNode } from '../wire/find-node.ts'

export const requestKeyRotation = handle(
  adminApi.requestKeyRotation,
  async ({ principal, params }, app: State) => {
    await app.change(async (unit) => {
      const node = findNode(unit.fleet, principal, params.node)
      refuseWithoutRotation(node)
      await askForNewKey(unit, node, 'an operator asked for it')
    })
    return {}
  },
)
