import { ApiError, adminApi, parseCidr } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import {
  addMeshRange as add,
  meshRangeViews,
  removeMeshRange as remove,
} from '../../changes/mesh-ranges.ts'
import { handle } from '../../handle.ts'
import { rangeWarnings } from '../../mesh/range-change.ts'
import { readPools } from '../../rows/fleet/mesh-ranges.ts'

/** The oldest first. */
export const listMeshRanges = handle(
  adminApi.listMeshRanges,
  async ({ principal: { tenant_id } }, { fleet, store }: State) => ({
    items: meshRangeViews(fleet, tenant_id, await readPools(store.reader, tenant_id)),
  }),
)

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

export const removeMeshRange = handle(
  adminApi.removeMeshRange,
  async ({ principal: { tenant_id }, params }, app: State & Environment) => {
    await app.change((unit) => remove(unit, app.config, tenant_id, params.range))
    return {}
  },
)
