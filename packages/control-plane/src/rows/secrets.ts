import { type Selectable, sql } from 'kysely'
import type { ScopedEntry } from '../mesh/entry-scope.ts'
import type { Reader, Tx } from '../store/db.ts'
import type { Tables } from '../store/schema.ts'
import { byTarget, type EntriesByTarget } from './entries.ts'
import type { RowUnit } from './unit.ts'

export type StoredSecret = Selectable<Tables['secrets']>

/** A secret without its value. */
export type ShownSecret = Pick<StoredSecret, 'key' | 'target' | 'version' | 'updated_at'>

/** Those of a key, whomever they are for. */
export function readSecretsOf(
  reader: Reader | Tx,
  tenantId: string,
  key: string,
): Promise<StoredSecret[]> {
  return reader
    .selectFrom('secrets')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('key', '=', key)
    .execute()
}

/** Those of a tenant behind a key and a target, by key, then by target. */
export function readSecretsAfter(
  reader: Reader,
  { tenantId, key, target }: { tenantId: string; key: string; target: string },
  limit: number,
): Promise<ShownSecret[]> {
  return reader
    .selectFrom('secrets')
    .select(['key', 'target', 'version', 'updated_at'])
    .where('tenant_id', '=', tenantId)
    .where(({ eb, refTuple, tuple }) => eb(refTuple('key', 'target'), '>', tuple(key, target)))
    .orderBy('key')
    .orderBy('target')
    .limit(limit)
    .execute()
}

export function secretsByTarget(
  reader: Reader | Tx,
  tenantId: string,
): EntriesByTarget<ScopedEntry> {
  return byTarget(
    reader
      .selectFrom('secrets')
      .select(['key', 'target', 'version'])
      .where('tenant_id', '=', tenantId),
  )
}

/** All of a tenant. */
export function readSecretMarks(tx: Tx, tenantId: string): Promise<ScopedEntry[]> {
  return tx
    .selectFrom('secrets')
    .select(['key', 'target', 'version'])
    .where('tenant_id', '=', tenantId)
    .execute()
}

export async function countSecrets(reader: Reader, tenantId: string): Promise<number> {
  const { count } = await reader
    .selectFrom('secrets')
    .select(sql<number>`count(*)`.as('count'))
    .where('tenant_id', '=', tenantId)
    .executeTakeFirstOrThrow()
  return count
}

/** A new secret, or another in the place of the one with its id. */
export async function putSecretEntry(unit: RowUnit, secret: StoredSecret): Promise<void> {
  await unit.tx
    .insertInto('secrets')
    .values(secret)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(secret))
    .execute()
  unit.apply({ type: 'entries_changed', tenant_id: secret.tenant_id })
}
