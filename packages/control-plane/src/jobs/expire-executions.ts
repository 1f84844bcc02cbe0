import type { App } from '../app.ts'
import { expire, readOverdue } from '../rows/executions.ts'

/** Ends executions whose node never said, or never said in time, what became of them. */
export async function expireExecutions({ store, clock, executions }: App): Promise<void> {
  const nowMs = clock.now()
  const overdue = await readOverdue(store.reader, nowMs)
  if (overdue.length === 0) return
  // A result may have come since.
  const expired = await store.write((tx) => expire(tx, overdue, nowMs))
  for (const id of expired) executions.changed(id)
}
