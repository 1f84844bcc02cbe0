import { ApiError, type ExecutionStatus, hasEnded, parseDuration } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { DispatchPlace } from '../executions/dispatch.ts'
import { requestExecution } from '../executions/request.ts'
import { settle } from '../executions/settle.ts'
import { cancel } from '../executions/transitions.ts'
import { readExecution, type StoredExecution } from '../rows/executions.ts'
import {
  changeRunNode,
  type EndedNode,
  readEndedNodes,
  readFirstNodes,
  readNodeOf,
  readRunNode,
  type StoredRunNode,
} from '../rows/run-nodes.ts'
import { changeRun, readRun, type StoredRun } from '../rows/runs.ts'
import type { Verdict } from './criteria.ts'
import { decide, isOver } from './decide.ts'

/** A run that has not ended, changed in place and written at the end of the unit. */
export type OpenRun = StoredRun & { state: 'running' | 'paused' }

/** What became of a run in a unit. */
export interface Advanced {
  run: StoredRun
  /** Executions that it ended itself, for those who wait for them. */
  cancelled: string[]
  /** Whether there is more to do at once, which was left for another unit. */
  more: boolean
}

/** Nodes that begin or end in one unit: with more, everybody else's writes would wait too long. */
export const perUnit = 25

/** Counts the executions that have ended and lets the next nodes begin. Undefined for a run that is over, or unknown. */
export async function advanceRun(
  unit: Unit,
  runId: string,
  place: DispatchPlace,
): Promise<Advanced | undefined> {
  const run = await readRun(unit.tx, runId)
  if (!isOpen(run)) return undefined
  const ended = await readEndedNodes(unit.tx, run.id, perUnit)
  for (const one of ended) await count(unit, run, one)
  const asked = run.stop === 'cancelled' ? await cancelSome(unit, run, place) : []
  const advanced = await proceed(unit, run, place)
  const more = advanced.more || ended.length === perUnit || asked.length === perUnit
  return { ...advanced, more, cancelled: asked }
}

/**
 * What follows from the end of an execution for the run that it is of, in the unit in which it ends. Counted once: a result that comes after `expired` changes the execution, and not the run.
 */
export async function executionEnded(
  unit: Unit,
  execution: StoredExecution,
  place: DispatchPlace,
): Promise<void> {
  const node = await readNodeOf(unit.tx, execution.id)
  const run = node && (await readRun(unit.tx, node.run_id))
  if (!node || !isOpen(run)) return
  await count(unit, run, { node, execution })
  await proceed(unit, run, place)
}

function isOpen(run: StoredRun | undefined): run is OpenRun {
  return run?.state === 'running' || run?.state === 'paused'
}

async function count(unit: Unit, run: OpenRun, { node, execution }: EndedNode): Promise<void> {
  const status = outcomeOf(run, execution?.status)
  const exit_code = execution?.exit_code ?? null
  if (status === 'succeeded' && run.criterion !== null)
    return changeRunNode(unit.tx, node, {
      status: 'verifying',
      exit_code,
      executed_at: unit.nowMs,
    })
  const reason = status === 'succeeded' ? '' : reasonFor(execution)
  await end(unit, run, { node, verdict: { status, reason }, exit_code })
}

async function end(
  unit: Unit,
  run: OpenRun,
  {
    node,
    verdict: { status, reason },
    exit_code,
  }: {
    node: StoredRunNode
    verdict: { status: 'succeeded' | 'failed' | 'cancelled'; reason: string }
    exit_code: number | null
  },
): Promise<void> {
  run.running--
  run[status]++
  await changeRunNode(unit.tx, node, { status, reason, exit_code, ended_at: unit.nowMs })
}

/** Ends a node whose execution has succeeded by what it has shown since. */
export async function judgeNode(
  unit: Unit,
  { run_id, position, exit_code }: StoredRunNode,
  verdict: Verdict,
  place: DispatchPlace,
): Promise<void> {
  const run = await readRun(unit.tx, run_id)
  const node = await readRunNode(unit.tx, { run_id, position })
  if (!isOpen(run) || node?.status !== 'verifying') return
  await end(unit, run, { node, verdict, exit_code })
  await proceed(unit, run, place)
}

/** A node that cancels by itself, as one that shuts down, has failed: only what an operator cancelled is cancelled. */
function outcomeOf(
  run: OpenRun,
  status: ExecutionStatus | undefined,
): 'succeeded' | 'failed' | 'cancelled' {
  if (status === 'success') return 'succeeded'
  return status === 'cancelled' && run.stop === 'cancelled' ? 'cancelled' : 'failed'
}

function reasonFor(execution: EndedNode['execution']): string {
  if (!execution) return 'its execution is gone'
  const { status, reason, exit_code } = execution
  const why = reason || (exit_code === null ? '' : `exit code ${exit_code}`)
  return [status, why].filter(Boolean).join(': ')
}

/** Cancels some of the executions that still go on; resolves to their ids. A node that runs one ends it, or not, and says so. */
async function cancelSome(unit: Unit, run: OpenRun, place: DispatchPlace): Promise<string[]> {
  const nodes = await readFirstNodes(unit.tx, run.id, 'running', perUnit)
  for (const node of nodes) {
    const { tenant_id } = run
    const row = await readExecution(unit.tx, node.execution_id ?? '', { tenant_id })
    const change = row && !hasEnded(row.status) ? cancel(row, unit.nowMs) : undefined
    const after = row && change ? await settle(unit, row, change, place) : row
    if (after && !hasEnded(after.status))
      await changeRunNode(unit.tx, node, { status: 'cancelling' })
    else await count(unit, run, { node, execution: after ?? null })
  }
  return nodes.flatMap(({ execution_id }) => execution_id ?? [])
}

/** Lets as many nodes begin as may, and writes the run. */
async function proceed(unit: Unit, run: OpenRun, place: DispatchPlace): Promise<Advanced> {
  let decision = decide(run, unit.nowMs)
  for (let begun = 0; decision.starts > 0 && begun < perUnit; begun++) {
    const [node] = await readFirstNodes(unit.tx, run.id, 'waiting', 1)
    if (!node) throw new Error(`advance run "${run.id}": it counts waiting nodes, and has none`)
    await begin(unit, { run, node }, place)
    decision = decide(run, unit.nowMs)
  }
  const { state, stop, starts } = decision
  const ended_at = isOver(state) ? unit.nowMs : null
  const { waiting, running, succeeded, failed, cancelled, skipped } = run
  const counts = { waiting, running, succeeded, failed, cancelled, skipped }
  await changeRun(unit.tx, run.id, { ...counts, state, stop, ended_at })
  return { run: { ...run, state, stop, ended_at }, cancelled: [], more: starts > 0 }
}

/** A node that is gone is skipped; one that can no longer be asked, although it could when the run was created, has failed. */
async function begin(
  unit: Unit,
  { run, node }: { run: OpenRun; node: StoredRunNode },
  place: DispatchPlace,
): Promise<void> {
  run.waiting--
  const target = unit.fleet.node(node.node_id)
  if (target?.tenant_id !== run.tenant_id) {
    run.skipped++
    const reason = 'the node was removed'
    return changeRunNode(unit.tx, node, { status: 'skipped', reason, ended_at: unit.nowMs })
  }
  const { action, parameters, triggered_by: triggeredBy } = run
  const timeoutMs = run.timeout === null ? undefined : parseDuration(run.timeout)
  try {
    const expiresMs = run.expires === null ? undefined : parseDuration(run.expires)
    const request = { node: target, action, parameters, timeoutMs, expiresMs, triggeredBy }
    const { id } = await requestExecution(unit, request, place)
    run.running++
    const started = { execution_id: id, started_at: unit.nowMs }
    await changeRunNode(unit.tx, node, { status: 'running', ...started })
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    run.failed++
    const reason = error.message
    await changeRunNode(unit.tx, node, { status: 'failed', reason, ended_at: unit.nowMs })
  }
}
