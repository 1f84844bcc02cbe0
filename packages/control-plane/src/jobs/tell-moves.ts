import type { NodeMemory, State } from '../app.ts'
import { notifyMove } from '../changes/nodes.ts'
import { putNode } from '../rows/fleet/nodes.ts'

/** Announces the endpoints of nodes that had exceeded the rate limit. */
export async function tellMoves(app: State & NodeMemory): Promise<void> {
  await Promise.all(app.moves.due().map((no) => tell(app, no)))
}

async function tell(app: State & NodeMemory, no: number): Promise<void> {
  const isTold = await app.change(async (unit) => {
    const node = unit.fleet.nodeByNo(no)
    if (!node) return true
    // It may have moved again in the meantime, and used up this turn.
    if (!app.moves.take(no)) return false
    await putNode(unit, node, { endpoint_untold: false })
    notifyMove(unit, node)
    return true
  })
  if (isTold) app.moves.told(no)
}
