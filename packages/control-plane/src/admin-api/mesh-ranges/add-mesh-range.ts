import { ApiError, adminApi, parseCidr } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { addMeshRange as add, meshRangeViews } from '../../changes/mesh-ranges.ts'
import { handle } from '../../handle.ts'
import { rangeWarnings } from '../../mesh/range-change.ts'
import { readPools } from '../../rows/fleet/mesh-ranges.ts'

export const addMeshRange = handle(
  adminApi.addMeshRange,
  async ({ principal: { tenant_id }, body }, app: State) => {
    await app.change((unit) => add(unit, tenant_id, body.range))
    const stored = await readPools(app.store.reader, tenant_id)
    const added = meshRangeViews(app.fleet, tenant_id, stored).find(
      ({ range }) => range === body.range,
    )
    if (!added) throw new ApiError('not_found', `mesh range "${body.range}" has just been removed`)
    const warnings = rangeWarnings(parseCidr(added.range), app.fleet.nodes(tenant_id))
    return { ...added, warnings }
  },
)
