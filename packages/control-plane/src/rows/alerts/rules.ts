import type { AlertRuleSpec } from '@plexd/protocol'
import type { Reader } from '../../store/db.ts'
import type { Row } from '../../store/schema.ts'
import type { RowUnit } from '../unit.ts'

/** A rule with nothing left out. */
export type CompleteSpec = Required<AlertRuleSpec>

export interface StoredRule extends Omit<Row<'alert_rules'>, 'spec'> {
  /** Null for one that is there by itself and was deleted. */
  spec: CompleteSpec | null
}

/** Those that an operator has written or deleted, in the order of their names. */
export async function readRules(reader: Reader, tenantId: string): Promise<StoredRule[]> {
  const rows = await reader
    .selectFrom('alert_rules')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .orderBy('name')
    .execute()
  return rows.map((row) => ({
    ...row,
    spec: row.spec === null ? null : (JSON.parse(row.spec) as CompleteSpec), // written below
  }))
}

export async function putRule(unit: RowUnit, rule: StoredRule): Promise<void> {
  const { tenant_id, name, ...values } = rule
  const row = { ...values, spec: rule.spec && JSON.stringify(rule.spec) }
  await unit.tx
    .insertInto('alert_rules')
    .values({ tenant_id, name, ...row })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'name']).doUpdateSet(row))
    .execute()
  unit.apply({ type: 'alerting_changed', tenant_id })
}

export async function deleteRule(
  unit: RowUnit,
  { tenant_id, name }: { tenant_id: string; name: string },
): Promise<void> {
  await unit.tx
    .deleteFrom('alert_rules')
    .where('tenant_id', '=', tenant_id)
    .where('name', '=', name)
    .execute()
  unit.apply({ type: 'alerting_changed', tenant_id })
}
