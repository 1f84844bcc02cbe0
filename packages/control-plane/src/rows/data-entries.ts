import { type Selectable, sql } from 'kysely'
import type { ScopedEntry } from '../mesh/entry-scope.ts'
import type { Reader, Tx } from '../store/db.ts'
import type { Tables } from '../store/schema.ts'
import { byTarget, type EntriesByTarget } from './entries.ts'
import { type FirstOf, type PageBounds, readPage } from './page.ts'
import type { RowUnit } from './unit.ts'

/** The payload is JSON text, as it was written. */
export type StoredData = Selectable<Tables['data_entries']>

/** What counts of an entry, here and in SQL. */
export function dataBytes({
  key,
  content_type,
  payload,
}: Pick<StoredData, 'key' | 'content_type' | 'payload'>): number {
  return Buffer.byteLength(payload) + Buffer.byteLength(key) + Buffer.byteLength(content_type)
}

const bytes = sql<number>`octet_length(payload) + octet_length(key) + octet_length(content_type)`

/** Those of a key, whomever they are for. */
export function readDataOf(tx: Tx, tenantId: string, key: string): Promise<StoredData[]> {
  return tx
    .selectFrom('data_entries')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('key', '=', key)
    .execute()
}

export function readDataEntry(reader: Reader, id: string): Promise<StoredData | undefined> {
  return reader.selectFrom('data_entries').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Those of a tenant behind a key and a target, by key, then by target. */
export function readDataAfter(
  reader: Reader,
  { tenantId, key, target }: { tenantId: string; key: string; target: string },
  bounds: PageBounds,
): Promise<FirstOf<StoredData>> {
  const entries = reader
    .selectFrom('data_entries')
    .where('tenant_id', '=', tenantId)
    .where(({ eb, refTuple, tuple }) => eb(refTuple('key', 'target'), '>', tuple(key, target)))
    .orderBy('key')
    .orderBy('target')
  return readPage(entries, sql`octet_length(payload)`, bounds)
}

export function dataByTarget(reader: Reader | Tx, tenantId: string): EntriesByTarget<StoredData> {
  return byTarget(reader.selectFrom('data_entries').selectAll().where('tenant_id', '=', tenantId))
}

/** All of a tenant. */
export function readDataSizes(
  tx: Tx,
  tenantId: string,
): Promise<(ScopedEntry & { bytes: number })[]> {
  return tx
    .selectFrom('data_entries')
    .select(['key', 'target', 'version', bytes.as('bytes')])
    .where('tenant_id', '=', tenantId)
    .execute()
}

/** How many a tenant has, and how large they are together. */
export function measureData(
  reader: Reader,
  tenantId: string,
): Promise<{ entries: number; bytes: number }> {
  return reader
    .selectFrom('data_entries')
    .select([
      sql<number>`count(*)`.as('entries'),
      sql<number>`coalesce(sum(${bytes}), 0)`.as('bytes'),
    ])
    .where('tenant_id', '=', tenantId)
    .executeTakeFirstOrThrow()
}

/** A new entry, or another in the place of the one with its id. */
export async function putDataEntry(unit: RowUnit, entry: StoredData): Promise<void> {
  await unit.tx
    .insertInto('data_entries')
    .values(entry)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(entry))
    .execute()
  unit.apply({ type: 'entries_changed', tenant_id: entry.tenant_id })
}
