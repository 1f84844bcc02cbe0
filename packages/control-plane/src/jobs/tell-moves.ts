import type { NodeMemory, State } from '../app.ts'
import { notifyMove } from '../changes/nodes.ts'
import { putNode } from '../rows/fleet/nodes.ts'

/** Announces the endpoints of nodes that had exceeded the rate limit. */
export async function tellMoves(app: State & NodeMemory): Promise<void> {
  await Promise.all(app.moves.due(app.fleet.untoldNodes()).map(({ id }) => tell(app, id)))
}

async function tell({ change, moves }: State & NodeMemory, id: string): Promise<void> {
  await change(async (unit) => {
    const node = unit.fleet.node(id)
    // It may have moved again in the meantime, and used up this turn.
    if (!node?.endpoint_untold || !moves.take(node.no)) return
    const told = { ...node, endpoint_untold: false }
    await putNode(unit, told)
    notifyMove(unit, told)
  })
}
