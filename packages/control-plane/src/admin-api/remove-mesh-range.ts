import { adminApi } from '@plexd/protocol'
import { handle } from '../handle.ts'
import { removeMeshRange as remove } from '../mesh-ranges.ts'

export const removeMeshRange = handle(
  adminApi.removeMeshRange,
  async ({ principal: { tenant_id }, params }, app) => {
    await app.change((unit) => remove(unit, app.config, tenant_id, params.range))
    return {}
  },
)
