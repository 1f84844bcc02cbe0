import { adminApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { meshRangeViews } from '../../changes/mesh-ranges.ts'
import { handle } from '../../handle.ts'
import { readPools } from '../../rows/fleet/mesh-ranges.ts'

/** The oldest first. */
export const listMeshRanges = handle(
  adminApi.listMeshRanges,
  async ({ principal: { tenant_id } }, { fleet, store }: State) => ({
    items: meshRangeViews(fleet, tenant_id, await readPools(store.reader, tenant_id)),
  }),
)
