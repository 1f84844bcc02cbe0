import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../store/db.ts'
import type { Tables } from '../store/schema.ts'

export type StoredSigningKey = Selectable<Tables['signing_keys']>

/** What may be shown of a signing key: the public half. */
export type ShownSigningKey = Omit<StoredSigningKey, 'private_key_sealed' | 'since_seq'>

const shown = ['id', 'public_key', 'state', 'created_at', 'expires_at'] as const

/** Oldest first. */
export function readShownKeys(reader: Reader): Promise<ShownSigningKey[]> {
  return reader.selectFrom('signing_keys').select(shown).orderBy('created_at').execute()
}

export function readShownKey(reader: Reader, id: string): Promise<ShownSigningKey> {
  return reader
    .selectFrom('signing_keys')
    .select(shown)
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
}

export function readKeyIn(
  reader: Reader,
  state: 'current' | 'previous',
): Promise<StoredSigningKey | undefined> {
  return reader.selectFrom('signing_keys').selectAll().where('state', '=', state).executeTakeFirst()
}

/** When the previous key is good no longer; undefined when there is none that still is. */
export async function readTransitionEnd(tx: Tx, nowMs: number): Promise<number | undefined> {
  const running = await tx
    .selectFrom('signing_keys')
    .select('expires_at')
    .where('state', '=', 'previous')
    .where('expires_at', '>', nowMs)
    .executeTakeFirst()
  return running && Number(running.expires_at)
}

export async function insertCurrentKey(
  tx: Tx,
  key: Omit<StoredSigningKey, 'state' | 'expires_at'>,
): Promise<void> {
  await tx
    .insertInto('signing_keys')
    .values({ ...key, state: 'current', expires_at: null })
    .execute()
}

/** Makes room for another current key: this one is the previous until `expiresAt`, and the one before it is none. */
export async function replaceCurrentKey(tx: Tx, expiresAt: number): Promise<void> {
  await retirePreviousKey(tx)
  await tx
    .updateTable('signing_keys')
    .set({ state: 'previous', expires_at: expiresAt })
    .where('state', '=', 'current')
    .execute()
}

export async function retirePreviousKey(tx: Tx): Promise<void> {
  await tx
    .updateTable('signing_keys')
    .set({ state: 'retired' })
    .where('state', '=', 'previous')
    .execute()
}
