import type { Clock } from '@plexd/runtime'
import { createNodeBudgets } from '../access/node-budgets.ts'
import { createBodies } from '../http/bodies/bodies.ts'
import type { Limits } from '../limits.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { createParser } from './parser.ts'

/** Reads large request bodies, within bounds. */
export function createIntake(limits: Limits, clock: Clock) {
  /** How much each node may take of the control plane. */
  const budgets = createNodeBudgets(limits, clock)
  const bodies = createBodies(limits, (principal, bytes) => {
    const { id } = principal as NodeRecord // what is counted comes from nodes
    budgets.writes.charge(id, { bytes })
  })
  return { bodies, budgets, parser: createParser(limits) }
}
