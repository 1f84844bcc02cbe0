import type { Unit } from '../change.ts'
import { resyncTenant } from '../changes/events.ts'
import { putPskEpoch } from '../rows/fleet/tenants.ts'

/**
 * Changes the PSKs of all pairs of a tenant, and makes all nodes pull the new ones soon, with a single event.
 * Existing sessions continue. Two nodes with different PSKs cannot start a new session, and retry every 5 s. A
 * session is renewed after two minutes and ends after three, so there is enough time.
 */
export async function renewPsks(unit: Unit, tenantId: string): Promise<void> {
  const tenant = unit.fleet.tenant(tenantId)
  if (!tenant) throw new Error(`renew PSKs of tenant "${tenantId}": there is no such tenant`)
  await putPskEpoch(unit, tenant, tenant.psk_epoch + 1)
  resyncTenant(unit, tenantId, 'the PSKs of this tenant have changed')
}
