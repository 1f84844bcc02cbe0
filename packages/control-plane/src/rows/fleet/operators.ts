import type { OperatorRecord } from '../../mesh/fleet.ts'
import type { Reader, Tx } from '../../store/db.ts'
import type { Row } from '../../store/schema.ts'
import type { RowUnit } from '../unit.ts'

/** The public part of an operator, which is a named admin token. */
export type ShownOperator = Pick<Row<'admin_tokens'>, 'id' | 'name' | 'role' | 'created_at'>

/** Of a tenant, without revoked ones; oldest first. */
export function readShownOperators(reader: Reader, tenantId: string): Promise<ShownOperator[]> {
  return reader
    .selectFrom('admin_tokens')
    .select(['id', 'name', 'role', 'created_at'])
    .where('tenant_id', '=', tenantId)
    .where('revoked_at', 'is', null)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** All, or those with these ids, of any tenant; without revoked ones. */
export function readOperators(reader: Reader, ids?: readonly string[]): Promise<OperatorRecord[]> {
  return reader
    .selectFrom('admin_tokens')
    .select(['id', 'tenant_id', 'name', 'role', 'token_hash'])
    .where('revoked_at', 'is', null)
    .$if(ids !== undefined, (all) => all.where('id', 'in', ids ?? []))
    .execute()
}

export async function isOperator(tx: Tx, tenantId: string, name: string): Promise<boolean> {
  const row = await tx
    .selectFrom('admin_tokens')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('name', '=', name)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return row !== undefined
}

export async function putOperator(unit: RowUnit, operator: OperatorRecord): Promise<void> {
  await insertOperator(unit.tx, operator, unit.nowMs)
  unit.apply({ type: 'operator_put', operator })
}

/** For use before the fleet is loaded. */
export async function insertOperator(
  tx: Tx,
  operator: OperatorRecord,
  nowMs: number,
): Promise<void> {
  await tx
    .insertInto('admin_tokens')
    .values({ ...operator, created_at: nowMs, revoked_at: null })
    .execute()
}

export async function revokeOperator(unit: RowUnit, id: string): Promise<void> {
  await unit.tx
    .updateTable('admin_tokens')
    .set({ revoked_at: unit.nowMs })
    .where('id', '=', id)
    .execute()
  unit.apply({ type: 'operator_removed', id })
}

/** For use before the fleet is loaded. */
export async function revokeOperatorNamed(
  tx: Tx,
  { tenantId, name, nowMs }: { tenantId: string; name: string; nowMs: number },
): Promise<void> {
  await tx
    .updateTable('admin_tokens')
    .set({ revoked_at: nowMs })
    .where('tenant_id', '=', tenantId)
    .where('name', '=', name)
    .where('revoked_at', 'is', null)
    .execute()
}
