import { type Cidr, formatCidr, parseCidr } from '@plexd/protocol'
import type { AddressPool } from '../mesh/address-pool.ts'
import type { Reader, Tx } from '../store/db.ts'

/** A range of a tenant as it is kept. */
export interface StoredRange extends AddressPool {
  position: number
  added_at: number
}

/** Those of a tenant, the oldest first. */
export async function readPools(reader: Reader | Tx, tenantId: string): Promise<StoredRange[]> {
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

export async function insertRange(
  tx: Tx,
  { tenantId, range, position, nowMs }: NewRange,
): Promise<void> {
  await tx
    .insertInto('mesh_ranges')
    .values({
      tenant_id: tenantId,
      cidr: formatCidr(range),
      position,
      last_address: 0,
      added_at: nowMs,
    })
    .execute()
}

interface NewRange {
  tenantId: string
  range: Cidr
  position: number
  nowMs: number
}

/** Remembers the address for the next one to go on behind it. */
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

export async function deleteRange(tx: Tx, tenantId: string, position: number): Promise<void> {
  await tx
    .deleteFrom('mesh_ranges')
    .where('tenant_id', '=', tenantId)
    .where('position', '=', position)
    .execute()
}
