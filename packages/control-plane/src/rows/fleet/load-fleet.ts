import { departedMs, type MutableFleet } from '../../mesh/fleet.ts'
import { createFleet } from '../../mesh/memory/fleet-memory.ts'
import type { Reader } from '../../store/db.ts'
import { isOfFleet, type LoggedChange } from '../unit.ts'
import { readNodesSince } from './nodes.ts'
import { readOperators } from './operators.ts'
import { readPolicies } from './policies.ts'
import { readTenants } from './tenants.ts'

/** Loads the fleet from the database. Called twice at startup: for `fleet` and for its draft. */
export async function loadFleet(reader: Reader, nowMs: number): Promise<MutableFleet> {
  const fleet = createFleet()
  for (const tenant of await readTenants(reader)) fleet.apply({ type: 'tenant_put', tenant })
  for (const operator of await readOperators(reader))
    fleet.apply({ type: 'operator_put', operator })
  for (const change of await readNodesSince(reader, nowMs - departedMs)) fleet.apply(change)
  for (const policy of await readPolicies(reader)) fleet.apply({ type: 'policy_put', policy })
  return fleet
}

/** Follows the log. */
export function followFleet(fleet: MutableFleet) {
  return ({ changes }: { changes: readonly LoggedChange[] }): void => {
    for (const change of changes) if (isOfFleet(change)) fleet.apply(change)
  }
}
