import { adminApi } from '@plexd/protocol'
import { removeMeshRange as remove } from '../../changes/mesh-ranges.ts'
import { handle } from '../../handle.ts'

export const removeMeshRange = handle(
  adminApi.removeMeshRange,
  async ({ principal: { tenant_id }, params }, app) => {
    await app.change((unit) => remove(unit, app.config, tenant_id, params.range))
    return {}
  },
)
