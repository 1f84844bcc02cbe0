import type { Environment, State, Waiters } from '../app.ts'
import { deleteEnded, expire, readOverdue } from '../rows/executions.ts'

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

const keepMs = 30 * 24 * 3_600_000
/** Rows deleted in one transaction. */
const chunk = 1_000

/** Deletes executions that ended more than 30 days ago. The end is the node's claim, so the time of the request is checked too. */
export async function forgetExecutions({ store, clock }: State & Environment): Promise<void> {
  const beforeMs = clock.now() - keepMs
  let count = chunk
  while (count === chunk) count = await store.write((tx) => deleteEnded(tx, beforeMs, chunk))
}
