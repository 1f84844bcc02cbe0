import { adminApi } from '@plexd/protocol'
import type { SideStores, State } from '../../app.ts'
import { handle } from '../../handle.ts'

/** Those of all tenants are shown to operators of the first one only. */
export const listForwards = handle(
  adminApi.listForwards,
  async ({ principal }, { forwards, fleet, firstTenantId }: State & SideStores) => {
    const own = fleet.tenant(principal.tenant_id)?.name
    const isFirst = principal.tenant_id === firstTenantId
    return { items: forwards.status().filter(({ tenant }) => isFirst || tenant === own) }
  },
)
