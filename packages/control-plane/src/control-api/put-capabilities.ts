import { ApiError, controlApi } from '@plexd/protocol'
import { handle } from '../handle.ts'

/** Stores them as they came. */
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
    })
    return {}
  },
)
