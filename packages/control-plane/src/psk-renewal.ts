import { formatDuration } from '@plexd/protocol'
import type { Unit } from './change.ts'
import { audienceOf } from './events/audience.ts'

/**
 * Gives every pair of a tenant another PSK, and has all nodes pull theirs soon: one event however large the mesh is.
 * Sessions that run go on. Two nodes that do not have the same PSK yet cannot begin a new one, and try again every 5 s;
 * what runs has to be renewed after two minutes and ends after three, so there is time.
 */
export async function renewPsks(unit: Unit, tenantId: string): Promise<void> {
  const tenant = unit.fleet.tenant(tenantId)
  if (!tenant) throw new Error(`renew PSKs of tenant "${tenantId}": there is no such tenant`)
  const psk_epoch = tenant.psk_epoch + 1
  await unit.tx.updateTable('tenants').set({ psk_epoch }).where('id', '=', tenantId).execute()
  unit.apply({ type: 'tenant_put', tenant: { ...tenant, psk_epoch } })
  const to = audienceOf(Array.from(unit.fleet.nodes(tenantId), ({ no }) => no))
  const within = formatDuration(spreadMs(to.length))
  await unit.emit({
    type: 'resync',
    to,
    payload: { reason: 'the PSKs of this tenant have changed', within },
  })
}

/** Whole states are the dearest answers there are: so many in a second, and all of them well within a minute. */
const pullsPerSecond = 50
const maxSpreadMs = 30_000

function spreadMs(nodes: number): number {
  return Math.min(maxSpreadMs, Math.ceil(nodes / pullsPerSecond) * 1_000)
}
