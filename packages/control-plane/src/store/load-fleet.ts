import type { PolicyRule } from '@plexd/protocol'
import { createFleet, departedMs, type FleetChange, type MutableFleet } from '../mesh/fleet.ts'
import type { Reader } from './db.ts'
import { nodeRecordOf } from './nodes.ts'

/** The fleet as the database has it. Called twice at start: once for `fleet`, once for its draft. */
export async function loadFleet(reader: Reader, nowMs: number): Promise<MutableFleet> {
  const fleet = createFleet()
  for (const change of await readFleet(reader, nowMs)) fleet.apply(change)
  return fleet
}

async function readFleet(reader: Reader, nowMs: number): Promise<FleetChange[]> {
  const tenants = await reader.selectFrom('tenants').selectAll().execute()
  const operators = await reader
    .selectFrom('admin_tokens')
    .selectAll()
    .where('revoked_at', 'is', null)
    .execute()
  const nodes = await reader
    .selectFrom('nodes')
    .selectAll()
    .where((where) =>
      where.or([where('removed_at', 'is', null), where('removed_at', '>', nowMs - departedMs)]),
    )
    .orderBy('no')
    .execute()
  const policies = await reader.selectFrom('policies').selectAll().execute()
  const [gone, here] = [
    nodes.filter(({ removed_at }) => removed_at !== null),
    nodes.filter(({ removed_at }) => removed_at === null),
  ]
  return [
    ...tenants.map((tenant): FleetChange => ({ type: 'tenant_put', tenant })),
    ...operators.map((operator): FleetChange => ({ type: 'operator_put', operator })),
    // First, because others may have their hostname and address by now.
    ...gone
      .toSorted((a, b) => Number(a.removed_at) - Number(b.removed_at))
      .flatMap((row): FleetChange[] => [
        { type: 'node_put', node: nodeRecordOf(row) },
        { type: 'node_removed', id: row.id, removed_at: Number(row.removed_at) },
      ]),
    ...here.map((row): FleetChange => ({ type: 'node_put', node: nodeRecordOf(row) })),
    ...policies.map(
      (row): FleetChange => ({
        type: 'policy_put',
        policy: { ...row, rules: JSON.parse(row.rules) as PolicyRule[] }, // written by us, checked when it came in
      }),
    ),
  ]
}
