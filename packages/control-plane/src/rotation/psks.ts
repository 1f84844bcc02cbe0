import type { Unit } from '../change.ts'
import { resyncTenant } from '../changes/announce.ts'
import { putPskEpoch } from '../rows/fleet/tenants.ts'

/**
 * Gives every pair of a tenant another PSK, and has all nodes pull theirs soon: one event however large the mesh is.
 * Sessions that run go on. Two nodes that do not have the same PSK yet cannot begin a new one, and try again every 5 s;
 * what runs has to be renewed after two minutes and ends after three, so there is time.
 */
export async function renewPsks(unit: Unit, tenantId: string): Promise<void> {
  const tenant = unit.fleet.tenant(tenantId)
  if (!tenant) throw new Error(`renew PSKs of tenant "${tenantId}": there is no such tenant`)
  await putPskEpoch(unit, tenant, tenant.psk_epoch + 1)
  resyncTenant(unit, tenantId, 'the PSKs of this tenant have changed')
}
