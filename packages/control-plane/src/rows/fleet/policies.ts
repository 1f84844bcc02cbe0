import type { PolicyRule } from '@plexd/protocol'
import { sql } from 'kysely'
import type { PolicyRecord } from '../../mesh/fleet.ts'
import type { Reader, Tx } from '../../store/db.ts'
import type { Row } from '../../store/schema.ts'
import { type FirstOf, type PageBounds, readPage } from '../page.ts'
import type { RowUnit } from '../unit.ts'

export interface StoredPolicy extends PolicyRecord {
  readonly updated_at: number
}

function storedOf(row: Row<'policies'>): StoredPolicy {
  return { ...row, rules: JSON.parse(row.rules) as PolicyRule[] } // written below, checked when it came in
}

function rowOf(policy: StoredPolicy): Row<'policies'> {
  return { ...policy, rules: JSON.stringify(policy.rules) }
}

/** All, or those with these ids, of any tenant. */
export async function readPolicies(
  reader: Reader,
  ids?: readonly string[],
): Promise<StoredPolicy[]> {
  const rows = await reader
    .selectFrom('policies')
    .selectAll()
    .$if(ids !== undefined, (all) => all.where('id', 'in', ids ?? []))
    .execute()
  return rows.map(storedOf)
}

export async function readPolicy(tx: Tx, id: string): Promise<StoredPolicy | undefined> {
  const row = await tx.selectFrom('policies').selectAll().where('id', '=', id).executeTakeFirst()
  return row && storedOf(row)
}

export async function readPolicyNamed(
  reader: Reader,
  tenantId: string,
  name: string,
): Promise<StoredPolicy | undefined> {
  const row = await reader
    .selectFrom('policies')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('name', '=', name)
    .executeTakeFirst()
  return row && storedOf(row)
}

/** A tenant's policies after a position, in the order in which they apply. */
export function readPoliciesAfter(
  reader: Reader,
  { tenantId, position }: { tenantId: string; position: number },
  bounds: PageBounds,
): Promise<FirstOf<StoredPolicy>> {
  const policies = reader
    .selectFrom('policies')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('position', '>', position)
    .orderBy('position')
  return readPage(policies, sql`octet_length(rules)`, bounds, storedOf)
}

/** Inserts a policy, or replaces the one with its id. */
export async function putPolicy(unit: RowUnit, policy: PolicyRecord): Promise<void> {
  const row = rowOf({ ...policy, updated_at: unit.nowMs })
  await unit.tx
    .insertInto('policies')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute()
  unit.apply({ type: 'policy_put', policy })
}

/** For use before the fleet is loaded. */
export async function insertPolicy(tx: Tx, policy: PolicyRecord, nowMs: number): Promise<void> {
  await tx
    .insertInto('policies')
    .values(rowOf({ ...policy, updated_at: nowMs }))
    .execute()
}

export async function deletePolicy(unit: RowUnit, id: string): Promise<void> {
  await unit.tx.deleteFrom('policies').where('id', '=', id).execute()
  unit.apply({ type: 'policy_removed', id })
}
