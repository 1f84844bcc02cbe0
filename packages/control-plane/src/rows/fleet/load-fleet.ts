import { createFleet, departedMs, type FleetChange, type MutableFleet } from '../../mesh/fleet.ts'
import type { Reader } from '../../store/db.ts'
import { isOfFleet, type LoggedChange } from '../unit.ts'
import { readNodesSince } from './nodes.ts'
import { readOperators } from './operators.ts'
import { readPolicies } from './policies.ts'
import { readTenants } from './tenants.ts'

/** Loads the fleet from the database. Called twice at startup: for `fleet` and for its draft. */
export async function loadFleet(reader: Reader, nowMs: number): Promise<MutableFleet> {
  const fleet = createFleet()
  for (const change of await readFleet(reader, nowMs)) fleet.apply(change)
  return fleet
}

/** Follows the log. */
export function followFleet(fleet: MutableFleet) {
  return ({ changes }: { changes: readonly LoggedChange[] }): void => {
    for (const change of changes) if (isOfFleet(change)) fleet.apply(change)
  }
}

async function readFleet(reader: Reader, nowMs: number): Promise<FleetChange[]> {
  const tenants = await readTenants(reader)
  const operators = await readOperators(reader)
  const nodes = await readNodesSince(reader, nowMs - departedMs)
  const policies = await readPolicies(reader)
  return [
    ...tenants.map((tenant): FleetChange => ({ type: 'tenant_put', tenant })),
    ...operators.map((operator): FleetChange => ({ type: 'operator_put', operator })),
    ...nodes,
    ...policies.map((policy): FleetChange => ({ type: 'policy_put', policy })),
  ]
}
