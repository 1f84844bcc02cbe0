import { ApiError, controlApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { handle } from '../../handle.ts'
import { hasSaid } from '../../rows/fleet/node-lookups.ts'
import { putNode } from '../../rows/fleet/nodes.ts'

/** Stores them unchanged. Each node sends its capabilities to each run of the control plane, mostly unchanged ones. */
export const putCapabilities = handle(
  controlApi.putCapabilities,
  async ({ principal, body }, app: State) => {
    if (await hasSaid(app.store.reader, principal.id, body)) return {}
    await app.change(async (unit) => {
      const node = unit.fleet.node(principal.id)
      if (!node) throw new ApiError('unauthorized', 'unauthorized')
      await putNode(unit, node, { capabilities: body })
    })
    return {}
  },
)
