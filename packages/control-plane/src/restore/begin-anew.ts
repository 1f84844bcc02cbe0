import type { Manifest } from '../backup/archive/manifest.ts'
import { newEpoch } from '../log/position.ts'
import { deleteForward, readForwardProgress } from '../rows/forwards.ts'
import { writeSetting } from '../rows/settings.ts'
import { openSqliteStore } from '../store/sqlite.ts'

/**
 * Gives the event log of a restored database a new epoch, and resolves to it. Without the telemetry that they have been reading, forwards
 * begin with what comes from now on: its ids begin anew, and their positions would be far ahead.
 */
export async function beginAnew(
  database: string,
  { parts }: Manifest,
  nowMs: number,
): Promise<string> {
  const epoch = newEpoch(nowMs)
  await using store = await openSqliteStore(database)
  await store.write(async (tx) => {
    await writeSetting(tx, 'epoch', epoch)
    if (parts.includes('telemetry')) return
    for (const key of await readForwardProgress(tx)) await deleteForward(tx, key)
  })
  return epoch
}
