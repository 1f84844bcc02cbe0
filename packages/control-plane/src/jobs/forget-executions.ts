import type { Environment, State } from '../app.ts'
import { deleteEnded } from '../rows/executions.ts'

const keepMs = 30 * 24 * 3_600_000
/** Rows deleted in one transaction. */
const chunk = 1_000

/** Deletes executions that ended more than 30 days ago. The end is the node's claim, so the time of the request is checked too. */
export async function forgetExecutions({ store, clock }: State & Environment): Promise<void> {
  const beforeMs = clock.now() - keepMs
  let count = chunk
  while (count === chunk) count = await store.write((tx) => deleteEnded(tx, beforeMs, chunk))
}
