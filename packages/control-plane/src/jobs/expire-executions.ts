import type { Environment, State, Waiters } from '../app.ts'
import { expire, readOverdue } from '../rows/executions.ts'

/** Ends executions for which the node sent no result in time. */
export async function expireExecutions({
  store,
  clock,
  executions,
}: State & Waiters & Environment): Promise<void> {
  const nowMs = clock.now()
  const overdue = await readOverdue(store.reader, nowMs)
  if (overdue.length === 0) return
  // A result may have arrived since.
  const expired = await store.write((tx) => expire(tx, overdue, nowMs))
  for (const id of expired) executions.changed(id)
}
