import { type Capabilities, parseDuration } from '@plexd/protocol'
import type { Unit } from '../change.ts'
import type { Config } from '../config/config.ts'
import type { NewEvent } from '../log/new-event.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { countOutstanding, readQueued } from '../rows/executions/execution-queue.ts'
import { changeExecution, type StoredExecution } from '../rows/executions/executions.ts'
import { readNode } from '../rows/fleet/nodes.ts'
import { send } from './transitions.ts'

/** What of the app dispatching needs. */
export interface DispatchPlace {
  readonly config: Pick<Config, 'limits'>
  /** `https://host:port` at which nodes reach us. */
  publicUrl(): string
}

/** Requests sent in one unit, for which everybody else waits. The job that sends what waits although there is room sends the rest. */
const perUnit = 50

/**
 * Sends a node the first of the executions that wait for it, as many as it has room for; in the unit that made the room, so
 * that no crash comes between. `freed`: the node has just said that one has ended.
 */
export async function sendQueued(
  unit: Unit,
  nodeId: string,
  place: DispatchPlace,
  { freed = false } = {},
): Promise<void> {
  const node = unit.fleet.node(nodeId)
  if (!node) return
  const [first] = await readQueued(unit.tx, { nodeId, nowMs: unit.nowMs, limit: 1 })
  if (!first) return
  const stored = await readNode(unit.tx, nodeId)
  const free = countToSend({
    room: roomOf(stored?.capabilities ?? null, place),
    outstanding: await countOutstanding(unit.tx, nodeId),
    isHeld: (first.held_until ?? 0) > unit.nowMs,
    freed,
  })
  if (free === 0) return
  const limit = Math.min(free, perUnit)
  for (const row of await readQueued(unit.tx, { nodeId, nowMs: unit.nowMs, limit })) {
    const seq = unit.emit(requestEvent(row, node, place))?.seq ?? 0
    const timeoutMs = parseDuration(row.timeout)
    await changeExecution(unit.tx, row.id, send(row, { nowMs: unit.nowMs, timeoutMs, seq }))
  }
}

/** How many requests a node may be sent now. One that had no room gets one when one of its executions has ended. Pure. */
function countToSend({
  room,
  outstanding,
  isHeld,
  freed,
}: {
  room: number
  outstanding: number
  isHeld: boolean
  freed: boolean
}): number {
  const free = Math.max(0, room - outstanding)
  if (!isHeld) return free
  return freed ? Math.min(1, free) : 0
}

/** As many as plexd can be set to. What a node has not answered is read at once when it connects. */
const mostRoom = 1_000

/** How many executions of a node may be outstanding. */
export function roomOf(capabilities: Capabilities | null, { config }: DispatchPlace): number {
  return Math.min(capabilities?.max_concurrent ?? config.limits.node_executions, mostRoom)
}

export function requestEvent(
  row: StoredExecution,
  node: NodeRecord,
  { publicUrl }: DispatchPlace,
): Extract<NewEvent, { type: 'action_request' }> {
  return {
    type: 'action_request',
    to: [node],
    payload: {
      execution_id: row.id,
      action: row.action,
      type: row.type,
      parameters: row.parameters,
      timeout: row.timeout,
      ...(row.checksum === null ? {} : { checksum: row.checksum }),
      callback_url: `${publicUrl()}/v1/nodes/${node.id}/executions/${row.id}`,
      triggered_by: row.triggered_by,
    },
  }
}
