import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import { type EntryKind, nodeTarget, type ScopedEntry } from '../mesh/entry-scope.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import type { Reader, Tx } from '../store/db.ts'
import type { Tables } from '../store/schema.ts'
import { type FirstOf, type PageBounds, readPage } from './page.ts'
import type { RowUnit } from './unit.ts'

/** A data entry or a secret, whatever is in it. */
export interface EntryHead extends ScopedEntry {
  readonly id: string
  readonly tenant_id: string
  readonly updated_at: number
}

/** What is in an entry. The payload is JSON text, as it was written. */
export interface EntryContent {
  data: Pick<Tables['data_entries'], 'content_type' | 'payload'>
  secret: Pick<Tables['secrets'], 'value_sealed'>
}

export type StoredEntry<Kind extends EntryKind> = EntryHead & EntryContent[Kind]

/** A secret without its value. */
export type ShownSecret = Pick<EntryHead, 'key' | 'target' | 'version' | 'updated_at'>

type EntryTable = 'data_entries' | 'secrets'

const tables: Readonly<Record<EntryKind, EntryTable>> = { data: 'data_entries', secret: 'secrets' }

/** The size that limits count, here and in SQL. */
export function bytesOf(entry: Pick<EntryHead, 'key'> & Partial<EntryContent['data']>): number {
  const { key, content_type, payload } = entry
  if (content_type === undefined || payload === undefined) return 0
  return Buffer.byteLength(payload) + Buffer.byteLength(key) + Buffer.byteLength(content_type)
}

const bytes: Readonly<Record<EntryKind, RawBuilder<number>>> = {
  data: sql<number>`octet_length(payload) + octet_length(key) + octet_length(content_type)`,
  secret: sql<number>`0`,
}

function entriesOfTenant(reader: Reader, kind: EntryKind, tenantId: string) {
  return reader.selectFrom(tables[kind]).where('tenant_id', '=', tenantId)
}

/** All entries of a key, for any target. */
export async function readEntries<Kind extends EntryKind>(
  reader: Reader,
  kind: Kind,
  { tenantId, key }: { tenantId: string; key: string },
): Promise<StoredEntry<Kind>[]> {
  const rows = await entriesOfTenant(reader, kind, tenantId)
    .where('key', '=', key)
    .selectAll()
    .execute()
  return rows as unknown as StoredEntry<Kind>[] // all columns of its table
}

/** The targets of a key's entries, without their contents. */
export function readTargets(
  reader: Reader,
  kind: EntryKind,
  { tenantId, key }: { tenantId: string; key: string },
): Promise<(ScopedEntry & { id: string })[]> {
  return entriesOfTenant(reader, kind, tenantId)
    .select(['id', 'key', 'target', 'version'])
    .where('key', '=', key)
    .orderBy('target')
    .execute()
}

export function readDataEntry(
  reader: Reader,
  id: string,
): Promise<StoredEntry<'data'> | undefined> {
  return reader.selectFrom('data_entries').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Where a page of a tenant's entries begins: behind this key and target. */
interface Behind {
  tenantId: string
  key: string
  target: string
}

/** By key, then by target. */
export function readDataAfter(
  reader: Reader,
  behind: Behind,
  bounds: PageBounds,
): Promise<FirstOf<StoredEntry<'data'>>> {
  return readPage(
    after(reader.selectFrom('data_entries').selectAll(), behind),
    sql`octet_length(payload)`,
    bounds,
    (entry) => entry,
  )
}

/** By key, then by target. */
export function readSecretsAfter(
  reader: Reader,
  behind: Behind,
  bounds: PageBounds,
): Promise<FirstOf<ShownSecret>> {
  const shown = reader.selectFrom('secrets').select(['key', 'target', 'version', 'updated_at'])
  return readPage(after(shown, behind), sql`octet_length(target)`, bounds, (secret) => secret)
}

function after<Table extends EntryTable, Selected>(
  entries: SelectQueryBuilder<Tables, Table, Selected>,
  { tenantId, key, target }: Behind,
) {
  return entries
    .where(sql.ref('tenant_id'), '=', tenantId)
    .where(sql<boolean>`(key, target) > (${key}, ${target})`)
    .orderBy(sql.ref('key'))
    .orderBy(sql.ref('target'))
}

/** All of a tenant. */
export function readSizes(
  reader: Reader,
  kind: EntryKind,
  tenantId: string,
): Promise<(ScopedEntry & { bytes: number })[]> {
  return entriesOfTenant(reader, kind, tenantId)
    .select(['key', 'target', 'version', bytes[kind].as('bytes')])
    .execute()
}

/** The number and size of a tenant's entries. */
export async function measureEntries(
  reader: Reader,
  kind: EntryKind,
  tenantId: string,
): Promise<{ entries: number; bytes: number }> {
  const sum = await entriesOfTenant(reader, kind, tenantId)
    .select(({ fn }) => [
      fn.countAll<number>().as('entries'),
      fn.sum<number>(bytes[kind]).as('bytes'),
    ])
    .executeTakeFirstOrThrow()
  return { entries: Number(sum.entries), bytes: Number(sum.bytes) } // the sum of none is null
}

/** A tenant's entries with selectors, and those for one node. */
export interface EntriesByTarget<Entry extends ScopedEntry> {
  shared(): Promise<Entry[]>
  own(nodeId: string): Promise<Entry[]>
  hasOwn(): Promise<boolean>
}

export function dataByTarget(
  reader: Reader,
  tenantId: string,
): EntriesByTarget<StoredEntry<'data'>> {
  return byTarget(reader.selectFrom('data_entries').selectAll().where('tenant_id', '=', tenantId))
}

/** Without their values. */
export function secretsByTarget(reader: Reader, tenantId: string): EntriesByTarget<ScopedEntry> {
  return byTarget(entriesOfTenant(reader, 'secret', tenantId).select(['key', 'target', 'version']))
}

function byTarget<Table extends EntryTable, Entry extends ScopedEntry>(
  entries: SelectQueryBuilder<Tables, Table, Entry>,
): EntriesByTarget<Entry> {
  const where = (compare: '=' | 'like', target: string) =>
    entries.where(sql.ref('target'), compare, target)
  return {
    shared: () => where('like', 'selector:%').execute(),
    own: (nodeId) => where('=', nodeTarget(nodeId)).execute(),
    hasOwn: async () => (await where('like', 'node:%').limit(1).execute()).length > 0,
  }
}

/** A new entry, or another in the place of the one with its id. */
export async function putEntry<Kind extends EntryKind>(
  unit: RowUnit,
  kind: Kind,
  entry: StoredEntry<Kind>,
): Promise<void> {
  const table: EntryTable = tables[kind]
  const values = entry as StoredEntry<'data'> & StoredEntry<'secret'> // it has the columns of its table
  await unit.tx
    .insertInto(table)
    .values(values)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
    .execute()
  unit.apply({ type: 'entries_changed', tenant_id: entry.tenant_id })
}

export async function deleteEntry(
  unit: RowUnit,
  kind: EntryKind,
  { id, tenant_id }: { id: string; tenant_id: string },
): Promise<void> {
  await unit.tx.deleteFrom(tables[kind]).where('id', '=', id).execute()
  unit.apply({ type: 'entries_changed', tenant_id })
}

/** Those for one node alone. */
export async function deleteEntriesFor(
  unit: RowUnit,
  { id, tenant_id }: Pick<NodeRecord, 'id' | 'tenant_id'>,
): Promise<void> {
  for (const table of Object.values(tables)) {
    const entries = unit.tx.deleteFrom(table).where('target', '=', nodeTarget(id))
    const { numDeletedRows } = await entries.executeTakeFirst()
    if (numDeletedRows > 0n) unit.apply({ type: 'entries_changed', tenant_id })
  }
}

/** The next version of a key. Versions only grow, also over deletion and new creation, and whatever the target is. */
export async function nextVersion(
  tx: Tx,
  id: { tenant_id: string; kind: EntryKind; key: string },
): Promise<number> {
  const { version } = await tx
    .insertInto('key_versions')
    .values({ ...id, version: 1 })
    .onConflict((conflict) =>
      conflict
        .columns(['tenant_id', 'kind', 'key'])
        .doUpdateSet((row) => ({ version: row('key_versions.version', '+', 1) })),
    )
    .returning('version')
    .executeTakeFirstOrThrow()
  return version
}
