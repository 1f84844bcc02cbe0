import { hasEnded } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { DispatchPlace } from '../executions/dispatch.ts'
import { settle } from '../executions/settle.ts'
import type { ExecutionChange, StoredExecution } from '../rows/executions/executions.ts'
import { executionEnded } from './advance.ts'

/** Stores what becomes of an execution, and of the run that it is of, in one unit. Returns the execution as it is then. */
export async function settleExecution(
  unit: Unit,
  row: StoredExecution,
  change: ExecutionChange,
  place: DispatchPlace,
): Promise<StoredExecution> {
  const after = await settle(unit, row, change, place)
  if (!hasEnded(row.status) && hasEnded(after.status)) await executionEnded(unit, after, place)
  return after
}
