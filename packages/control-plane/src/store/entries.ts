import type { Entry, SecretRef } from '@plexd/protocol'
import { entriesOf, nodeTarget } from '../mesh/entry-scope.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import type { Reader } from './db.ts'

type Scope = Pick<NodeRecord, 'id' | 'tenant_id' | 'metadata'>

/** The data entries of a node, complete, sorted by key. */
export async function readDataFor(reader: Reader, node: Scope): Promise<Entry[]> {
  const rows = await reader
    .selectFrom('data_entries')
    .selectAll()
    .where('tenant_id', '=', node.tenant_id)
    .where((where) =>
      where.or([where('target', '=', nodeTarget(node.id)), where('target', 'like', 'selector:%')]),
    )
    .execute()
  return entriesOf(rows, node).map((row) => ({
    key: row.key,
    content_type: row.content_type,
    payload: JSON.parse(row.payload) as unknown,
    version: row.version,
    updated_at: new Date(row.updated_at).toISOString(),
  }))
}

/** The secrets that a node may fetch, complete, sorted by key. */
export async function readSecretRefsFor(reader: Reader, node: Scope): Promise<SecretRef[]> {
  const rows = await reader
    .selectFrom('secrets')
    .select(['key', 'target', 'version'])
    .where('tenant_id', '=', node.tenant_id)
    .where((where) =>
      where.or([where('target', '=', nodeTarget(node.id)), where('target', 'like', 'selector:%')]),
    )
    .execute()
  return entriesOf(rows, node).map(({ key, version }) => ({ key, version }))
}
