import type { Metadata } from '@plexd/protocol'
import type { NodeRecord } from '../mesh/fleet.ts'
import type { Reader, Tx } from './db.ts'
import type { NodeRow } from './schema.ts'

/** What everything but the node's own row needs of it. */
export function nodeRecordOf(row: NodeRow): NodeRecord {
  return {
    no: row.no,
    id: row.id,
    tenant_id: row.tenant_id,
    hostname: row.hostname,
    mesh_ip: row.mesh_ip,
    public_key: row.public_key,
    key_epoch: row.key_epoch,
    key_changed_at: row.key_changed_at,
    token_hash: row.token_hash,
    nsk_hash: row.nsk_hash,
    next_token_hash: row.next_token_hash,
    next_nsk_hash: row.next_nsk_hash,
    // Both written by us, cut or checked when they came in.
    labels: JSON.parse(row.labels) as Metadata,
    reported: JSON.parse(row.reported) as Metadata,
    endpoint: row.endpoint,
    nat_type: row.nat_type,
    local_endpoints: JSON.parse(row.local_endpoints) as string[], // written by us, checked when it came in
    user_agent: row.user_agent,
    is_go: isGoAgent(row.user_agent),
    status: row.status,
    rotate_keys: row.rotate_keys === 1,
  }
}

/**
 * The Go agent says its version and nothing behind it. It may announce capabilities, but it compares policies by their id,
 * acts on no event and rotates no key.
 */
export function isGoAgent(userAgent: string): boolean {
  return /^plexd\/\S+$/.test(userAgent)
}

export function readNodeRow(reader: Reader | Tx, id: string): Promise<NodeRow | undefined> {
  return reader.selectFrom('nodes').selectAll().where('id', '=', id).executeTakeFirst()
}
