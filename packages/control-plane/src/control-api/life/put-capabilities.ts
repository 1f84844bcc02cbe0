import { ApiError, controlApi } from '@plexd/protocol'
import { handle } from '../../handle.ts'
import { hasSaid } from '../../rows/fleet/node-lookups.ts'
import { putNode } from '../../rows/fleet/nodes.ts'

/** Stores them as they came. Each node tells each run of ours what it can do, and mostly it is nothing new. */
export const putCapabilities = handle(
  controlApi.putCapabilities,
  async ({ principal, body }, app) => {
    if (await hasSaid(app.store.reader, principal.id, body)) return {}
    await app.change(async (unit) => {
      const node = unit.fleet.node(principal.id)
      if (!node) throw new ApiError('unauthorized', 'unauthorized')
      await putNode(unit, node, { capabilities: body })
    })
    return {}
  },
)
