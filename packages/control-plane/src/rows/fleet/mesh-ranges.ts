import { type Cidr, formatCidr, parseCidr } from '@plexd/protocol'
import type { AddressPool } from '../../mesh/address-pool.ts'
import type { TenantRecord } from '../../mesh/fleet.ts'
import type { Reader, Tx } from '../../store/db.ts'
import type { RowUnit } from '../unit.ts'

/** The row of a tenant's range. */
export interface StoredRange extends AddressPool {
  position: number
  added_at: number
}

/** Those of a tenant, the oldest first. */
export async function readPools(reader: Reader, tenantId: string): Promise<StoredRange[]> {
  const rows = await reader
    .selectFrom('mesh_ranges')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('position')
    .execute()
  return rows.map(({ cidr, last_address, position, added_at }) => ({
    range: parseCidr(cidr), // written by us
    last: Number(last_address),
    position: Number(position),
    added_at: Number(added_at),
  }))
}

/** Those of all tenants, the oldest of each first. */
export async function readRanges(reader: Reader): Promise<Map<string, Cidr[]>> {
  const rows = await reader
    .selectFrom('mesh_ranges')
    .select(['tenant_id', 'cidr'])
    .orderBy('position')
    .execute()
  const byTenant = Map.groupBy(rows, ({ tenant_id }) => tenant_id)
  return new Map(
    byTenant.entries().map(([id, own]) => [id, own.map(({ cidr }) => parseCidr(cidr))]),
  )
}

/** For use before the fleet is loaded. */
export async function insertRange(
  tx: Tx,
  { range, ...row }: { tenant_id: string; range: Cidr; position: number; added_at: number },
): Promise<void> {
  await tx
    .insertInto('mesh_ranges')
    .values({ ...row, cidr: formatCidr(range), last_address: 0 })
    .execute()
}

/** Stores the last assigned address, after which the search for the next one continues. */
export async function noteGiven(
  tx: Tx,
  tenantId: string,
  { position, address }: { position: number; address: number },
): Promise<void> {
  await tx
    .updateTable('mesh_ranges')
    .set({ last_address: address })
    .where('tenant_id', '=', tenantId)
    .where('position', '=', position)
    .execute()
}

/** Adds a range after the others. */
export async function addRange(
  unit: RowUnit,
  tenant: TenantRecord,
  { range, position }: { range: Cidr; position: number },
): Promise<void> {
  await insertRange(unit.tx, { tenant_id: tenant.id, range, position, added_at: unit.nowMs })
  const mesh_ranges = [...tenant.mesh_ranges, range]
  unit.apply({ type: 'tenant_put', tenant: { ...tenant, mesh_ranges } })
}

export async function deleteRange(
  unit: RowUnit,
  tenant: TenantRecord,
  { range, position }: StoredRange,
): Promise<void> {
  await unit.tx
    .deleteFrom('mesh_ranges')
    .where('tenant_id', '=', tenant.id)
    .where('position', '=', position)
    .execute()
  const text = formatCidr(range)
  const mesh_ranges = tenant.mesh_ranges.filter((other) => formatCidr(other) !== text)
  unit.apply({ type: 'tenant_put', tenant: { ...tenant, mesh_ranges } })
}
