import { parseCidr } from '@plexd/protocol'
import { createFleet, departedMs, type FleetChange, type MutableFleet } from '../mesh/fleet.ts'
import { readNodesSince } from '../rows/nodes.ts'
import { readOperators } from '../rows/operators.ts'
import { readPolicies } from '../rows/policies.ts'
import type { Reader } from './db.ts'

/** The fleet as the database has it. Called twice at start: once for `fleet`, once for its draft. */
export async function loadFleet(reader: Reader, nowMs: number): Promise<MutableFleet> {
  const fleet = createFleet()
  for (const change of await readFleet(reader, nowMs)) fleet.apply(change)
  return fleet
}

async function readFleet(reader: Reader, nowMs: number): Promise<FleetChange[]> {
  const tenants = await reader.selectFrom('tenants').selectAll().execute()
  const ranges = await reader.selectFrom('mesh_ranges').selectAll().orderBy('position').execute()
  const rangesOf = ({ id }: { id: string }) =>
    ranges.filter(({ tenant_id }) => tenant_id === id).map(({ cidr }) => parseCidr(cidr))
  const operators = await readOperators(reader)
  const nodes = await readNodesSince(reader, nowMs - departedMs)
  const policies = await readPolicies(reader)
  return [
    ...tenants.map(
      (row): FleetChange => ({
        type: 'tenant_put',
        tenant: { ...row, mesh_ranges: rangesOf(row) },
      }),
    ),
    ...operators.map((operator): FleetChange => ({ type: 'operator_put', operator })),
    // First, because others may have their hostname and address by now.
    ...nodes
      .filter(({ removed_at }) => removed_at !== null)
      .toSorted((a, b) => Number(a.removed_at) - Number(b.removed_at))
      .flatMap(({ node, removed_at }): FleetChange[] => [
        { type: 'node_put', node },
        { type: 'node_removed', id: node.id, removed_at: Number(removed_at) },
      ]),
    ...nodes
      .filter(({ removed_at }) => removed_at === null)
      .map(({ node }): FleetChange => ({ type: 'node_put', node })),
    ...policies.map((policy): FleetChange => ({ type: 'policy_put', policy })),
  ]
}
