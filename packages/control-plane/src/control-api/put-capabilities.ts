import { ApiError, controlApi } from '@plexd/protocol'
import { changeNode } from '../announce.ts'
import { handle } from '../handle.ts'

/** Stores them as they came; a node that says what it can do is none of Go's. */
export const putCapabilities = handle(
  controlApi.putCapabilities,
  async ({ principal, body }, app) => {
    await app.change(async (unit) => {
      const node = unit.fleet.node(principal.id)
      if (!node) throw new ApiError('unauthorized', 'unauthorized')
      await unit.tx
        .updateTable('nodes')
        .set({ capabilities: JSON.stringify(body) })
        .where('id', '=', node.id)
        .execute()
      if (node.is_go) await changeNode(unit, { ...node, is_go: false })
    })
    return {}
  },
)
