import { adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { askForNewKey } from '../key-rotation-request.ts'
import { findNode } from './find-node.ts'

export const requestKeyRotation = handle(
  adminApi.requestKeyRotation,
  async ({ principal, params }, app) => {
    await app.change((unit) =>
      askForNewKey(unit, findNode(unit.fleet, principal, params.node), 'an operator asked for it'),
    )
    return {}
  },
)
