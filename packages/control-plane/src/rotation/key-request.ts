import type { Unit } from '../change.ts'
import { changeNode } from '../changes/nodes.ts'
import type { NodeRecord } from '../mesh/fleet.ts'

/** Asks a node to rotate its key: by an event, and by each heartbeat answer until it has done so. */
export async function askForNewKey(unit: Unit, node: NodeRecord, reason: string): Promise<void> {
  await changeNode(unit, { ...node, rotate_keys: true })
  unit.emit({ type: 'rotate_keys', to: [node], payload: { reason } })
}
