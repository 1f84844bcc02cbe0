import { formatNode } from '@plexd/protocol'
import type { Log } from '@plexd/runtime'
import type { Change, Unit } from '../change.ts'
import { changeNode } from '../changes/nodes.ts'
import type { Fleet, NodeRecord } from '../mesh/fleet.ts'

/** Asks a node to rotate its key: by an event, and by each heartbeat answer until it has done so. */
export async function askForNewKey(unit: Unit, node: NodeRecord, reason: string): Promise<void> {
  await changeNode(unit, { ...node, rotate_keys: true })
  unit.emit({ type: 'rotate_keys', to: [node], payload: { reason } })
}

/**
 * Withdraws rotation requests from Go nodes. They never rotate, but earlier versions stored requests for them, which
 * would stay forever. Call it once at startup.
 */
export async function forgetRotations({
  fleet,
  change,
  log,
}: {
  fleet: Fleet
  change: Change
  log: Log
}): Promise<void> {
  const asked = [...fleet.allNodes()].filter(({ rotate_keys, is_go }) => rotate_keys && is_go)
  if (asked.length === 0) return
  await change(async (unit) => {
    for (const { id } of asked) {
      const node = unit.fleet.node(id)
      if (node) await changeNode(unit, { ...node, rotate_keys: false })
    }
  })
  log.warn(
    'key rotations are asked for no longer: these nodes run the Go agent, which rotates no key',
    { nodes: asked.map(({ id, hostname }) => formatNode(id, hostname)) },
  )
}
