import { adminApi } from '@plexd/protocol'
import type { State } from '../../app.ts'
import { handle } from '../../handle.ts'

export const whoAmI = handle(adminApi.whoAmI, async ({ principal }, { fleet }: State) => {
  const { name, role, tenant_id } = principal
  return { name, role, tenant: fleet.tenant(tenant_id)?.name ?? tenant_id }
})
