import { hasEnded } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import {
  changeExecution,
  type ExecutionChange,
  type StoredExecution,
} from '../rows/executions/executions.ts'
import { type DispatchPlace, sendQueued } from './dispatch.ts'

/**
 * Stores what becomes of an execution, and sends what waited for its place, in one unit. Returns it as it is then. Call
 * `settleExecution`, which also knows of runs.
 */
export async function settle(
  unit: Unit,
  row: StoredExecution,
  change: ExecutionChange,
  place: DispatchPlace,
): Promise<StoredExecution> {
  // Whatever the node says, it is not held back for this one any more.
  const all = { held_until: null, ...change, ...tellCancelled(unit, row, change) }
  await changeExecution(unit.tx, row.id, all)
  const after = { ...row, ...all }
  const ended = !hasEnded(row.status) && hasEnded(after.status)
  const hadPlace = row.status === 'pending' || row.status === 'accepted'
  // One that held back the others may not do so any more; nor does one that was sent alone, to see whether there is room again.
  const isTaken = row.status === 'pending' && after.status === 'accepted'
  if ((ended && hadPlace) || isTaken || row.held_until !== null)
    await sendQueued(unit, row.node_id, place, { freed: ended && row.status === 'accepted' })
  return after
}

/** Tells the node of an execution that it is to end it: now that this is wanted, or now that it says that it runs. */
function tellCancelled(unit: Unit, row: StoredExecution, change: ExecutionChange): ExecutionChange {
  const isAsked = row.cancel_requested_at === null && change.cancel_requested_at !== undefined
  const isRunAfterAll = row.status === 'cancelled' && change.acked_at !== undefined
  const isKnown = row.sent_at !== null && change.result_digest === undefined
  const node = unit.fleet.node(row.node_id)
  if (!node || !isKnown || !(isAsked || isRunAfterAll)) return {}
  const payload = { execution_id: row.id }
  const event = unit.emit({ type: 'action_cancelled', to: [node], payload })
  return event ? { cancel_seq: event.seq } : {}
}
