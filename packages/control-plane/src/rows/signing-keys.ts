import type { Reader, Tx } from '../store/db.ts'
import type { Row } from '../store/schema.ts'

export type StoredSigningKey = Row<'signing_keys'>

/** The public part of a signing key. */
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

/** When the previous key expires; undefined if there is no valid one. */
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

/** Makes the current key the previous one, valid until `expiresAt`, and drops the one before. */
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
