import { tellMove } from '../announce.ts'
import type { App } from '../app.ts'

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
    await unit.tx.updateTable('nodes').set({ endpoint_untold: 0 }).where('no', '=', no).execute()
    await tellMove(unit, node)
  })
}
