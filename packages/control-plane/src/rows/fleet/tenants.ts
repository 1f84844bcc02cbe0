import type { Cidr } from '@plexd/protocol'
import type { TenantRecord } from '../../mesh/fleet.ts'
import type { Reader, Store, Tx } from '../../store/db.ts'
import { readSetting, writeSetting } from '../settings.ts'
import type { RowUnit } from '../unit.ts'
import { insertRange, readRanges } from './mesh-ranges.ts'

/** All, with their ranges. */
export async function readTenants(reader: Reader): Promise<TenantRecord[]> {
  const tenants = await reader.selectFrom('tenants').select(['id', 'name', 'psk_epoch']).execute()
  const ranges = await readRanges(reader)
  return tenants.map((tenant) => ({ ...tenant, mesh_ranges: ranges.get(tenant.id) ?? [] }))
}

/** False before the first start. */
export async function hasTenant(reader: Reader): Promise<boolean> {
  const row = await reader.selectFrom('tenants').select('id').executeTakeFirst()
  return row !== undefined
}

/** The id of the first tenant. */
export async function readFirstTenant(reader: Reader): Promise<string> {
  const settled = await readSetting(reader, 'first_tenant')
  if (settled !== undefined) return settled
  const { id } = await reader
    .selectFrom('tenants')
    .select('id')
    .orderBy('created_at')
    .executeTakeFirstOrThrow()
  return id
}

/**
 * Stores which tenant is the first, at the first start without that setting, while there is no
 * other tenant: its operators may change what all share, so a wrong clock must not make a later tenant the first. Resolves to its id.
 */
export async function settleFirstTenant(store: Store): Promise<string> {
  const id = await readFirstTenant(store.reader)
  if ((await readSetting(store.reader, 'first_tenant')) === undefined)
    await store.write((tx) => writeSetting(tx, 'first_tenant', id))
  return id
}

interface NewTenant {
  id: string
  name: string
  range: Cidr
}

/** For use before the fleet is loaded. */
export async function insertTenant(
  tx: Tx,
  { id, name, range }: NewTenant,
  nowMs: number,
): Promise<void> {
  await tx.insertInto('tenants').values({ id, name, created_at: nowMs }).execute()
  await insertRange(tx, { tenant_id: id, range, position: 0, added_at: nowMs })
}

export async function addTenant(unit: RowUnit, tenant: NewTenant): Promise<void> {
  await insertTenant(unit.tx, tenant, unit.nowMs)
  const { range, ...rest } = tenant
  unit.apply({ type: 'tenant_put', tenant: { ...rest, mesh_ranges: [range], psk_epoch: 0 } })
}

export async function putPskEpoch(
  unit: RowUnit,
  tenant: TenantRecord,
  psk_epoch: number,
): Promise<void> {
  await unit.tx.updateTable('tenants').set({ psk_epoch }).where('id', '=', tenant.id).execute()
  unit.apply({ type: 'tenant_put', tenant: { ...tenant, psk_epoch } })
}
