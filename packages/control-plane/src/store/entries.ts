import type { Entry, SecretRef } from '@plexd/protocol'
import { type SelectQueryBuilder, sql } from 'kysely'
import { entriesOf, nodeTarget, type ScopedEntry } from '../mesh/entry-scope.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { asDataSees } from '../mesh/labels.ts'
import type { Reader } from './db.ts'
import type { Tables } from './schema.ts'

type Scope = Pick<NodeRecord, 'id' | 'tenant_id' | 'labels'>
type DataScope = Scope & Pick<NodeRecord, 'reported'>

/**
 * What nodes get of data and secrets. Entries behind selectors are for many: they are kept in memory until one is
 * written, or a change for a thousand nodes would be a thousand queries.
 */
export interface NodeEntries {
  /** The data entries of a node, complete, sorted by key. */
  dataOf(node: DataScope): Promise<Entry[]>
  /** The secrets that a node may fetch, complete, sorted by key. */
  secretRefsOf(node: Scope): Promise<SecretRef[]>
  /** An entry was written or deleted, and that is committed. */
  forget(): void
}

export function createNodeEntries(reader: Reader): NodeEntries {
  const data = keepShared((tenantId) => dataRows(reader, tenantId))
  const secrets = keepShared((tenantId) => secretRows(reader, tenantId))
  return {
    async dataOf(node) {
      const rows = await data.rowsFor(node)
      return entriesOf(rows, asDataSees(rows, node)).map((row) => ({
        key: row.key,
        content_type: row.content_type,
        payload: JSON.parse(row.payload) as unknown,
        version: row.version,
        updated_at: new Date(row.updated_at).toISOString(),
      }))
    },
    secretRefsOf: async (node) => refsOf(await secrets.rowsFor(node), node),
    forget() {
      data.forget()
      secrets.forget()
    },
  }
}

/** The same as `secretRefsOf`, of what a transaction sees. */
export async function readSecretRefsFor(reader: Reader, node: Scope): Promise<SecretRef[]> {
  const { shared, own } = secretRows(reader, node.tenant_id)
  return refsOf([...(await shared()), ...(await own(nodeTarget(node.id)))], node)
}

/** The entries of a tenant: those for whoever matches, and those for one node. */
interface Rows<Row extends ScopedEntry> {
  shared(): Promise<Row[]>
  own(target: string): Promise<Row[]>
  hasOwn(): Promise<boolean>
}

function keepShared<Row extends ScopedEntry>(rowsOf: (tenantId: string) => Rows<Row>) {
  const kept = new Map<string, Promise<{ shared: Row[]; hasOwn: boolean }>>()

  async function read({ shared, hasOwn }: Rows<Row>) {
    return { shared: await shared(), hasOwn: await hasOwn() }
  }

  function keptOf(tenantId: string) {
    const known = kept.get(tenantId)
    if (known) return known
    const reading = read(rowsOf(tenantId))
    kept.set(tenantId, reading)
    reading.catch(() => kept.delete(tenantId)) // its callers are told
    return reading
  }

  return {
    async rowsFor({ id, tenant_id }: Scope): Promise<Row[]> {
      const { shared, hasOwn } = await keptOf(tenant_id)
      return hasOwn ? [...shared, ...(await rowsOf(tenant_id).own(nodeTarget(id)))] : shared
    },
    forget: () => kept.clear(),
  }
}

function dataRows(reader: Reader, tenantId: string) {
  return byTarget(reader.selectFrom('data_entries').selectAll().where('tenant_id', '=', tenantId))
}

function secretRows(reader: Reader, tenantId: string) {
  return byTarget(
    reader
      .selectFrom('secrets')
      .select(['key', 'target', 'version'])
      .where('tenant_id', '=', tenantId),
  )
}

function byTarget<Table extends 'data_entries' | 'secrets', Row extends ScopedEntry>(
  rows: SelectQueryBuilder<Tables, Table, Row>,
): Rows<Row> {
  const where = (compare: '=' | 'like', target: string) =>
    rows.where(sql.ref('target'), compare, target)
  return {
    shared: () => where('like', 'selector:%').execute(),
    own: (target) => where('=', target).execute(),
    hasOwn: async () => (await where('like', 'node:%').limit(1).execute()).length > 0,
  }
}

function refsOf(rows: readonly ScopedEntry[], node: Scope): SecretRef[] {
  return entriesOf(rows, node).map(({ key, version }) => ({ key, version }))
}
