import { adminApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { handle } from '../../handle.ts'
import * as removal from '../../nodes/removal.ts'
import { renewPsks } from '../../rotation/psks.ts'
import { findNode } from '../wire/find-node.ts'

export const removeNode = handle(
  adminApi.removeNode,
  async ({ principal, params, query }, app: State) => {
    const force = query.force === 'true'
    await app.change(async (unit) => {
      const node = findNode(unit.fleet, principal, params.node)
      await removal.removeNode(unit, node)
      if (force) await renewPsks(unit, node.tenant_id)
    })
    return {}
  },
)
