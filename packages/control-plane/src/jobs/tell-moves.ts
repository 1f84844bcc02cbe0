import type { App } from '../app.ts'
import { tellMove } from '../changes/announce.ts'
import { putNode } from '../rows/fleet/nodes.ts'

/** Tells of the nodes that moved too often to be told of at once. */
export async function tellMoves(app: App): Promise<void> {
  await Promise.all(app.moves.due().map((no) => tell(app, no)))
}

async function tell(app: App, no: number): Promise<void> {
  await app.change(async (unit) => {
    const node = unit.fleet.nodeByNo(no)
    // It may just have moved again, with this turn.
    if (node && !app.moves.take(no)) return
    unit.afterCommit(() => app.moves.told(no))
    if (!node) return
    await putNode(unit, node, { endpoint_untold: false })
    await tellMove(unit, node)
  })
}
