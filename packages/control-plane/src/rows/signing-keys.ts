import type { Reader, Tx } from '../store/db.ts'
import type { Row } from '../store/schema.ts'
import type { RowUnit } from './unit.ts'

export type StoredSigningKey = Row<'signing_keys'>

/** The public part of a signing key. */
export type ShownSigningKey = Omit<StoredSigningKey, 'private_key_sealed' | 'since_seq'>

/** Of all keys, oldest first. */
export function readShownKeys(reader: Reader): Promise<ShownSigningKey[]> {
  return reader
    .selectFrom('signing_keys')
    .select(['id', 'public_key', 'state', 'created_at', 'expires_at'])
    .orderBy('created_at')
    .execute()
}

/** The current key, then the previous one, if it has not been dropped. None before the first start. */
export function readSigningKeys(reader: Reader): Promise<StoredSigningKey[]> {
  return reader
    .selectFrom('signing_keys')
    .selectAll()
    .where('state', 'in', ['current', 'previous'])
    .orderBy('state')
    .execute()
}

type NewKey = Omit<StoredSigningKey, 'state' | 'expires_at'>

/** For use before the log is followed. */
export async function insertCurrentKey(tx: Tx, key: NewKey): Promise<void> {
  await tx
    .insertInto('signing_keys')
    .values({ ...key, state: 'current', expires_at: null })
    .execute()
}

/** Makes the current key the previous one, valid until `expires_at`, and drops the one before. Resolves to the new one. */
export async function replaceCurrentKey(
  unit: RowUnit,
  key: NewKey,
  expires_at: number,
): Promise<StoredSigningKey> {
  await retire(unit.tx)
  await unit.tx
    .updateTable('signing_keys')
    .set({ state: 'previous', expires_at })
    .where('state', '=', 'current')
    .execute()
  await insertCurrentKey(unit.tx, key)
  return applyKeys(unit)
}

/** Resolves to the current key. */
export async function retirePreviousKey(unit: RowUnit): Promise<StoredSigningKey> {
  await retire(unit.tx)
  return applyKeys(unit)
}

async function retire(tx: Tx): Promise<void> {
  await tx
    .updateTable('signing_keys')
    .set({ state: 'retired' })
    .where('state', '=', 'previous')
    .execute()
}

async function applyKeys({ tx, apply }: RowUnit): Promise<StoredSigningKey> {
  const keys = await readSigningKeys(tx)
  apply({ type: 'signing_keys_put', keys })
  const [current] = keys
  if (!current) throw new Error('change signing keys: there is no current one')
  return current
}
