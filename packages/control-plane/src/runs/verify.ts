import type { Clock } from '@plexd/runtime'
import type { Fleet } from '../mesh/fleet.ts'
import type { Presence } from '../presence/presence.ts'
import { readFirstNodes, type StoredRunNode } from '../rows/executions/run-nodes.ts'
import type { StoredRun } from '../rows/executions/runs.ts'
import { judgeNode, perUnit } from './advance.ts'
import type { RunPlace } from './create-run.ts'
import { type Verdict, verdictOf } from './criteria.ts'

/** What of the app tells how nodes are. */
export interface VerifyPlace extends RunPlace {
  readonly fleet: Fleet
  readonly presence: Presence
  readonly clock: Clock
}

/** Counts those nodes of a run that have shown, or failed to show, what they have to after their execution. */
export async function verifyNodes(place: VerifyPlace, run: StoredRun): Promise<void> {
  if (run.criterion === null) return
  const nodes = await readFirstNodes(place.store.reader, run.id, 'verifying', run.max_parallel)
  const judged = nodes.flatMap((node) => {
    const verdict = judge(place, run, node)
    return verdict ? [{ node, verdict }] : []
  })
  for (let at = 0; at < judged.length; at += perUnit)
    await place.change(async (unit) => {
      for (const { node, verdict } of judged.slice(at, at + perUnit))
        await judgeNode(unit, node, verdict, place)
    })
}

function judge(
  { fleet, presence, clock }: VerifyPlace,
  { criterion }: StoredRun,
  { node_id, executed_at }: StoredRunNode,
): Verdict | undefined {
  if (criterion === null || executed_at === null) return undefined
  const node = fleet.node(node_id)
  const { heartbeat, lastSeenMs } = node
    ? presence.of(node.no)
    : { heartbeat: null, lastSeenMs: null }
  return verdictOf(
    criterion,
    { heartbeat, heardMs: lastSeenMs, isRemoved: node === undefined },
    { sinceMs: executed_at, nowMs: clock.now() },
  )
}
