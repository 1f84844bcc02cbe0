import { adminApi } from '@plexd/protocol'
import { changeNode } from '../announce.ts'
import { audienceOf } from '../events/audience.ts'
import { handle } from '../handle.ts'
import { findNode } from './find-node.ts'

/** By an event, and by the answer to each heartbeat until the node has done it. */
export const requestKeyRotation = handle(
  adminApi.requestKeyRotation,
  async ({ principal, params }, app) => {
    await app.change(async (unit) => {
      const node = findNode(unit.fleet, principal, params.node)
      await unit.tx.updateTable('nodes').set({ rotate_keys: 1 }).where('id', '=', node.id).execute()
      await changeNode(unit, { ...node, rotate_keys: true })
      await unit.emit({
        type: 'rotate_keys',
        to: audienceOf([node.no]),
        payload: { reason: 'an operator asked for it' },
      })
    })
    return {}
  },
)
