import { type SelectQueryBuilder, sql } from 'kysely'
import { nodeTarget, type ScopedEntry } from '../mesh/entry-scope.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import type { Reader, Tx } from '../store/db.ts'
import type { Tables } from '../store/schema.ts'
import type { RowUnit } from './unit.ts'

/** What data entries and secrets have in common: both are for targets. */
export type EntryTable = 'data_entries' | 'secrets'

/** Whom the entries of a key are for, without what is in them; by target. */
export function readEntriesOf(
  reader: Reader | Tx,
  table: EntryTable,
  { tenantId, key }: { tenantId: string; key: string },
): Promise<(ScopedEntry & { id: string })[]> {
  return reader
    .selectFrom(table)
    .select(['id', 'key', 'target', 'version'])
    .where('tenant_id', '=', tenantId)
    .where('key', '=', key)
    .orderBy('target')
    .execute()
}

/** Of all entries of a tenant, those behind selectors. */
export function readSelected(
  reader: Reader,
  table: EntryTable,
  tenantId: string,
): Promise<{ key: string; target: string }[]> {
  return reader
    .selectFrom(table)
    .select(['key', 'target'])
    .where('tenant_id', '=', tenantId)
    .where('target', 'like', 'selector:%')
    .execute()
}

export async function deleteEntry(
  unit: RowUnit,
  table: EntryTable,
  { id, tenant_id }: { id: string; tenant_id: string },
): Promise<void> {
  await unit.tx.deleteFrom(table).where('id', '=', id).execute()
  unit.apply({ type: 'entries_changed', tenant_id })
}

/** Those for one node alone. */
export async function deleteEntriesFor(
  unit: RowUnit,
  { id, tenant_id }: Pick<NodeRecord, 'id' | 'tenant_id'>,
): Promise<void> {
  for (const table of ['data_entries', 'secrets'] as const) {
    const entries = unit.tx.deleteFrom(table).where('target', '=', nodeTarget(id))
    const { numDeletedRows } = await entries.executeTakeFirst()
    if (numDeletedRows > 0n) unit.apply({ type: 'entries_changed', tenant_id })
  }
}

/** The entries of a tenant: those for whoever matches, and those for one node. */
export interface EntriesByTarget<Entry extends ScopedEntry> {
  shared(): Promise<Entry[]>
  own(nodeId: string): Promise<Entry[]>
  hasOwn(): Promise<boolean>
}

export function byTarget<Table extends EntryTable, Entry extends ScopedEntry>(
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

/** The next version of a key. Versions only grow, also over deletion and new creation, and whatever the target is. */
export async function nextVersion(
  tx: Tx,
  id: { tenant_id: string; kind: 'data' | 'secret'; key: string },
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
