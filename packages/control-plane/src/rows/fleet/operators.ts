import type { FleetChange, OperatorRecord } from '../../mesh/fleet.ts'
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

/** Of all tenants, without revoked ones. */
export function readOperators(reader: Reader): Promise<OperatorRecord[]> {
  return validOperators(reader).execute()
}

/** The current state of these operators. */
export async function readOperatorChanges(
  reader: Reader,
  ids: readonly string[],
): Promise<FleetChange[]> {
  const rows = await validOperators(reader).where('id', 'in', ids).execute()
  const valid = new Map(rows.map((row) => [row.id, row]))
  return ids.map((id) => {
    const operator = valid.get(id)
    return operator ? { type: 'operator_put', operator } : { type: 'operator_removed', id }
  })
}

function validOperators(reader: Reader) {
  return reader
    .selectFrom('admin_tokens')
    .select(['id', 'tenant_id', 'name', 'role', 'token_hash'])
    .where('revoked_at', 'is', null)
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
export async function revokeOperatorsNamed(tx: Tx, name: string, nowMs: number): Promise<void> {
  await tx
    .updateTable('admin_tokens')
    .set({ revoked_at: nowMs })
    .where('name', '=', name)
    .where('revoked_at', 'is', null)
    .execute()
}
