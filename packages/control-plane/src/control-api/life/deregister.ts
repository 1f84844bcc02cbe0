import { controlApi } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { removeNode } from '../../nodes/removal.ts'

/** May be repeated with the same token for a day: the first answer may have been lost. */
export const deregister = handle(
  controlApi.deregister,
  async ({ principal }, app: State & Environment) => {
    const left = await app.change(async (unit) => {
      const node = unit.fleet.node(principal.id)
      if (node) await removeNode(unit, node)
      return node
    })
    if (left) app.log.info('node left', { node_id: left.id, hostname: left.hostname })
    return {}
  },
)
