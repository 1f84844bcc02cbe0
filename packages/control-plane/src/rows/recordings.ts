import type { Reader, Tx } from '../store/db.ts'
import type { Row } from '../store/schema.ts'

/** The recording of a session, by the id of that; its chunks are elsewhere. */
export type StoredRecording = Row<'recordings'>

export async function insertRecording(
  tx: Tx,
  recording: Omit<StoredRecording, 'completed_at' | 'expired_at'>,
): Promise<void> {
  const nothingYet = { completed_at: null, expired_at: null }
  await tx
    .insertInto('recordings')
    .values({ ...recording, ...nothingYet })
    .execute()
}

export function readRecording(reader: Reader, id: string): Promise<StoredRecording | undefined> {
  return reader.selectFrom('recordings').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Those of these sessions that have one. */
export function readRecordings(reader: Reader, ids: readonly string[]): Promise<StoredRecording[]> {
  if (ids.length === 0) return Promise.resolve([])
  return reader.selectFrom('recordings').selectAll().where('id', 'in', ids).execute()
}

/** All of its chunks are here. */
export async function completeRecording(tx: Tx, id: string, completed_at: number): Promise<void> {
  await tx
    .updateTable('recordings')
    .set({ completed_at })
    .where('id', '=', id)
    .where('completed_at', 'is', null)
    .execute()
}

/** The ids of the oldest that are kept though they began before that time. */
export async function readRecordingsBefore(
  reader: Reader,
  { beforeMs, limit }: { beforeMs: number; limit: number },
): Promise<string[]> {
  const rows = await reader
    .selectFrom('recordings')
    .select('id')
    .where('expired_at', 'is', null)
    .where('created_at', '<', beforeMs)
    .orderBy('created_at')
    .limit(limit)
    .execute()
  return rows.map(({ id }) => id)
}

/** Deletes those that are kept no longer, and of whose sessions nobody remembers anything. */
export async function deleteForgottenRecordings(tx: Tx): Promise<void> {
  await tx
    .deleteFrom('recordings')
    .where('expired_at', 'is not', null)
    .where('id', 'not in', (query) => query.selectFrom('sessions').select('id'))
    .execute()
}

/** They are kept no longer; without their keys, what is left of their chunks is noise. */
export async function expireRecordings(
  tx: Tx,
  ids: readonly string[],
  expired_at: number,
): Promise<void> {
  await tx
    .updateTable('recordings')
    .set({ expired_at, key_sealed: null })
    .where('id', 'in', ids)
    .where('expired_at', 'is', null)
    .execute()
}
