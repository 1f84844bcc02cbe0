import type { Environment, SideStores, State } from '../app.ts'
import { excessOf } from '../recordings/store.ts'
import {
  deleteForgottenRecordings,
  expireRecordings,
  readRecordingsBefore,
} from '../rows/recordings.ts'

/** In one transaction, for which everybody else waits. */
const perUnit = 100

/** Removes recordings that are too old, and past the size limit the oldest of the node with most. First their keys, so that a crash leaves none that looks complete. */
export async function pruneRecordings({
  recordings,
  store,
  config,
  clock,
  log,
}: State & SideStores & Environment): Promise<void> {
  const beforeMs = clock.now() - config.recordingRetentionMs
  const holdings = await recordings.holdings()
  const old = holdings.filter(({ started_at }) => started_at < beforeMs)
  const excess = excessOf(holdings, config.limits.recording_bytes)
  // Of some nothing has ever come.
  const rows = await readRecordingsBefore(store.reader, { beforeMs, limit: perUnit })
  const ids = new Set([...old.map(({ session_id }) => session_id), ...excess, ...rows])
  if (ids.size === 0) return
  const all = [...ids]
  for (let at = 0; at < all.length; at += perUnit)
    await store.write((tx) => expireRecordings(tx, all.slice(at, at + perUnit), clock.now()))
  await recordings.remove(all)
  await store.write(deleteForgottenRecordings)
  log.info('recordings pruned', { recordings: all.length })
}
