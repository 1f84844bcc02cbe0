import type { Delivery, Environment, State } from '../app.ts'
import { newestBeyond, oldestSince } from '../rows/log/events.ts'
import { trimLog } from '../rows/log/log.ts'

/** Rows deleted in one transaction. */
const chunk = 2_000

/**
 * Deletes events that are older than `eventLogMs` or beyond the newest `eventLogMax`, except action requests
 * that are still unanswered. A node whose cursor is before the remaining log is told to pull its state.
 */
export async function pruneEvents(app: State & Delivery & Environment): Promise<void> {
  const { store, heads, config, clock } = app
  const nowMs = clock.now()
  const firstKept = await oldestSince(store.reader, nowMs - config.eventLogMs)
  const through = Math.max((firstKept ?? heads.last() + 1) - 1, await surplusThrough(app))
  // Unanswered action requests remain in the pruned part.
  let first = await oldestSince(store.reader, 0, heads.prunedThrough())
  while (first !== undefined && first <= through) {
    const upTo = Math.min(through, first + chunk)
    await app.change((unit) => trimLog(unit, upTo))
    first = await oldestSince(store.reader, 0, upTo)
  }
}

/** The last event beyond the newest `eventLogMax`; 0 if there are not that many. */
async function surplusThrough({ store, heads, config }: State & Delivery & Environment) {
  // Otherwise the query would count a long log only to find that it is not too long.
  if (heads.last() - heads.prunedThrough() <= config.eventLogMax) return 0
  return (await newestBeyond(store.reader, config.eventLogMax)) ?? 0
}
