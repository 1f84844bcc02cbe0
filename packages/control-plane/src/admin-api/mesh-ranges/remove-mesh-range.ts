import { adminApi } from '@plexd/protocol'
import type { Environment, State } from '../../app.ts'
import { removeMeshRange as remove } from '../../changes/mesh-ranges.ts'
import { handle } from '../../handle.ts'

export const removeMeshRange = handle(
  adminApi.removeMeshRange,
  async ({ principal: { tenant_id }, params }, app: State & Environment) => {
    await app.change((unit) => remove(unit, app.config, tenant_id, params.range))
    return {}
  },
)
