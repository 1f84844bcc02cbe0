import type { Unit } from '../change.ts'
import type { DispatchPlace } from '../executions/dispatch.ts'
import type { StoredExecution } from '../rows/executions/executions.ts'
import {
  readFirstNodes,
  readNodeOf,
  readRunNode,
  type StoredRunNode,
} from '../rows/executions/run-nodes.ts'
import { changeRun, readRun, type StoredRun } from '../rows/executions/runs.ts'
import { beginNode } from './begin-node.ts'
import { cancelNodes } from './cancel-nodes.ts'
import { countEnded, endNode, isOpen, type OpenRun } from './count.ts'
import type { Verdict } from './criteria.ts'
import { type Decision, decide, isOver } from './decide.ts'

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

/** Lets the next nodes begin, and cancels those of a cancelled run. Undefined for a run that is over, or unknown. */
export async function advanceRun(
  unit: Unit,
  runId: string,
  place: DispatchPlace,
): Promise<Advanced | undefined> {
  const run = await readRun(unit.tx, runId)
  if (!isOpen(run)) return undefined
  const asked =
    run.stop === 'cancelled' ? await cancelNodes(unit, run, { place, limit: perUnit }) : undefined
  const { run: after, more } = await proceed(unit, run, place)
  return { run: after, cancelled: asked?.cancelled ?? [], more: more || asked?.more === true }
}

/**
 * What follows from the end of an execution for the run that it is of, in the unit in which it ends. Counted once: a result
 * that comes after `expired` changes the execution, and not the run.
 */
export async function executionEnded(
  unit: Unit,
  execution: StoredExecution,
  place: DispatchPlace,
): Promise<void> {
  const node = await readNodeOf(unit.tx, execution.id)
  const run = node && (await readRun(unit.tx, node.run_id))
  if (!node || !isOpen(run)) return
  await countEnded(unit, run, { node, execution })
  await proceed(unit, run, place)
}

/** Ends a node whose execution has succeeded by what it has shown since. */
export async function judgeNode(
  unit: Unit,
  { run_id, position }: StoredRunNode,
  verdict: Verdict,
  place: DispatchPlace,
): Promise<void> {
  const run = await readRun(unit.tx, run_id)
  const node = await readRunNode(unit.tx, { run_id, position })
  if (!isOpen(run) || node?.status !== 'verifying') return
  await endNode(unit, run, node, verdict)
  await proceed(unit, run, place)
}

/** Lets as many nodes begin as may, and writes the run. */
async function proceed(
  unit: Unit,
  run: OpenRun,
  place: DispatchPlace,
): Promise<Pick<Advanced, 'run' | 'more'>> {
  const { state, stop, starts } = await beginNodes(unit, run, place)
  const ended_at = isOver(state) ? unit.nowMs : null
  const { waiting, running, succeeded, failed, cancelled, skipped } = run
  const counts = { waiting, running, succeeded, failed, cancelled, skipped }
  await changeRun(unit.tx, run.id, { ...counts, state, stop, ended_at })
  return { run: { ...run, state, stop, ended_at }, more: starts > 0 }
}

/** Up to `perUnit`; asks anew after each, because one that fails stops others, and one that is skipped leaves its turn. */
async function beginNodes(unit: Unit, run: OpenRun, place: DispatchPlace): Promise<Decision> {
  let decision = decide(run, unit.nowMs)
  for (let left = perUnit; decision.starts > 0 && left > 0; ) {
    const limit = Math.min(decision.starts, left)
    const nodes = await readFirstNodes(unit.tx, run.id, 'waiting', limit)
    if (nodes.length === 0)
      throw new Error(`advance run "${run.id}": it counts waiting nodes, and has none`)
    for (const node of nodes) {
      if (decision.starts === 0) break
      await beginNode(unit, { run, node }, place)
      decision = decide(run, unit.nowMs)
      left--
    }
  }
  return decision
}
