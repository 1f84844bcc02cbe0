import type { Clock } from '@plexd/runtime'
import { deleteResolvedBefore } from '../rows/alerts/alerts.ts'
import { deleteSilencesBefore } from '../rows/alerts/silences.ts'
import type { Store } from '../store/db.ts'

const keepMs = 30 * 24 * 3_600_000
/** In one transaction, for which everybody else waits. */
const perUnit = 500

/** Deletes what was over more than 30 days ago, as it is with runs. */
export async function forgetAlerts({
  store,
  clock,
}: {
  store: Store
  clock: Clock
}): Promise<void> {
  const beforeMs = clock.now() - keepMs
  let count: number
  do {
    count = await store.write((tx) => deleteResolvedBefore(tx, { beforeMs, limit: perUnit }))
  } while (count === perUnit)
  await store.write((tx) => deleteSilencesBefore(tx, beforeMs))
}
