import type { IncomingHttpHeaders } from 'node:http'
import { ApiError } from '@plexd/protocol'
import type { Intake, State } from '../app.ts'
import { changeNode } from '../changes/nodes.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { isGoAgent } from '../rows/fleet/nodes.ts'

/** The agent that a node says it runs; empty if it does not say. */
export function userAgentOf(headers: IncomingHttpHeaders): string {
  return headers['user-agent']?.slice(0, 256) ?? ''
}

/**
 * The node may run another agent than at its registration, for example after an upgrade. If it names another one with every
 * heartbeat, which is not rate-limited, not each change is stored.
 */
export async function noteAgent(
  app: State & Intake,
  node: NodeRecord,
  user_agent: string,
): Promise<void> {
  if (user_agent === '' || user_agent === node.user_agent) return
  const { writes } = app.budgets
  if (writes.isSpent(node.id)) return
  writes.charge(node.id, { records: 1 })
  await app.change(async (unit) => {
    const before = unit.fleet.node(node.id)
    if (!before) return
    const is_go = isGoAgent(user_agent)
    const rotate_keys = before.rotate_keys && !is_go
    await changeNode(unit, { ...before, user_agent, is_go, rotate_keys })
  })
}

/** Throws an ApiError (409) for a node whose agent cannot do this. */
export function refuseWithoutRotation({ hostname, user_agent, is_go }: NodeRecord): void {
  if (!is_go) return
  throw new ApiError(
    'conflict',
    `node "${hostname}" cannot rotate its key: it runs the Go agent "${user_agent}", which never does: deregister it and enrol it anew`,
  )
}
