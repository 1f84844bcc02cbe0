import type { Reader, Tx } from '../store/db.ts'
import type { Row } from '../store/schema.ts'
import { readSetting, writeSetting } from './settings.ts'
import type { RowUnit } from './unit.ts'

export type StoredAuthority = Row<'authorities'>

/** Those that are in use: the current one first, and the next or the previous one. None before the first was prepared. */
export function readAuthorities(reader: Reader): Promise<StoredAuthority[]> {
  return reader
    .selectFrom('authorities')
    .selectAll()
    .where('state', '<>', 'retired')
    .orderBy('state')
    .execute()
}

/** The one that left last. */
export function readLastRetired(reader: Reader): Promise<StoredAuthority | undefined> {
  return reader
    .selectFrom('authorities')
    .selectAll()
    .where('state', '=', 'retired')
    .orderBy('retired_at', 'desc')
    .limit(1)
    .executeTakeFirst()
}

export async function insertAuthority(
  { tx }: Pick<RowUnit, 'tx'>,
  authority: Omit<StoredAuthority, 'retired_at'>,
): Promise<void> {
  await tx
    .insertInto('authorities')
    .values({ ...authority, retired_at: null })
    .execute()
}

/** The key of an authority, which was in a file until then. */
export async function putAuthorityKey(tx: Tx, id: string, key_sealed: string): Promise<void> {
  await tx.updateTable('authorities').set({ key_sealed }).where('id', '=', id).execute()
}

/**
 * The next one becomes the current one, and that the previous one, which never signs again. What tokens there are is from before,
 * also where the clock was ahead when they were made.
 */
export async function promoteNext({ tx, nowMs }: RowUnit): Promise<void> {
  const newest = await tx
    .selectFrom('bootstrap_tokens')
    .select('created_at')
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  await tx
    .updateTable('authorities')
    .set({ state: 'previous', key_sealed: null })
    .where('state', '=', 'current')
    .execute()
  await tx
    .updateTable('authorities')
    .set({ state: 'current', activated_at: Math.max(nowMs, (newest?.created_at ?? 0) + 1) })
    .where('state', '=', 'next')
    .execute()
}

/** What vouches for the current one in its place goes with it. */
export async function retirePrevious({ tx, nowMs }: RowUnit): Promise<void> {
  await tx
    .updateTable('authorities')
    .set({ state: 'retired', retired_at: nowMs })
    .where('state', '=', 'previous')
    .execute()
  await tx.updateTable('authorities').set({ endorsement: null }).execute()
}

/** The text of the last announcement, as JSON; undefined if there was none. */
export function readAnnouncement(reader: Reader): Promise<string | undefined> {
  return readSetting(reader, 'announcement')
}

export async function putAnnouncement(unit: RowUnit, text: string): Promise<void> {
  await writeSetting(unit.tx, 'announcement', text)
  unit.apply({ type: 'announcement_put', text })
}
