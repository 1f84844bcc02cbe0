import { type ExecutionStatus, whyEnded } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { StoredExecution } from '../rows/executions/executions.ts'
import { changeRunNode, type StoredRunNode } from '../rows/executions/run-nodes.ts'
import type { StoredRun } from '../rows/executions/runs.ts'
import { type Verdict, verdictOfCancelled } from './criteria.ts'

/** A run that has not ended; whoever changes its counts in place writes it in the same unit. */
export type OpenRun = StoredRun & { state: 'running' | 'paused' }

export function isOpen(run: StoredRun | undefined): run is OpenRun {
  return run?.state === 'running' || run?.state === 'paused'
}

/** A node whose execution has ended, and how; null when the execution is gone. */
export interface EndedNode {
  node: StoredRunNode
  execution: Pick<StoredExecution, 'status' | 'reason' | 'exit_code'> | null
}

/** Counts a node whose execution has ended, unless the node has more to show. */
export async function countEnded(
  unit: Unit,
  run: OpenRun,
  { node, execution }: EndedNode,
): Promise<void> {
  const exit_code = execution?.exit_code ?? null
  const verdict = verdictFor(run, execution)
  if (verdict) return endNode(unit, run, { ...node, exit_code }, verdict)
  const executed_at = unit.nowMs
  await changeRunNode(unit.tx, node, { status: 'verifying', exit_code, executed_at })
}

/** Moves a node from those that are running to those that have ended. */
export async function endNode(
  unit: Unit,
  run: OpenRun,
  node: StoredRunNode,
  { status, reason }: Verdict,
): Promise<void> {
  run.running--
  run[status]++
  const { exit_code } = node
  await changeRunNode(unit.tx, node, { status, reason, exit_code, ended_at: unit.nowMs })
}

/** Undefined when the node has more to show than a successful execution. */
function verdictFor(run: OpenRun, execution: EndedNode['execution']): Verdict | undefined {
  const status = outcomeOf(run, execution?.status)
  if (status !== 'succeeded') return { status, reason: reasonFor(execution, status) }
  if (run.criterion === null) return { status, reason: '' }
  return run.stop === 'cancelled' ? verdictOfCancelled(run.criterion) : undefined
}

/** A node that cancels by itself, as one that shuts down, has failed: only what an operator cancelled is cancelled. */
function outcomeOf(run: OpenRun, status: ExecutionStatus | undefined): Verdict['status'] {
  if (status === 'success') return 'succeeded'
  return status === 'cancelled' && run.stop === 'cancelled' ? 'cancelled' : 'failed'
}

/** How the execution ended, unless the outcome of the node says the same, and why. */
function reasonFor(execution: EndedNode['execution'], outcome: Verdict['status']): string {
  if (!execution) return 'its execution is gone'
  const said = outcome === 'failed' ? 'failure' : outcome
  const how = execution.status === said ? '' : execution.status
  return [how, whyEnded(execution)].filter(Boolean).join(': ')
}
