import type { AdminToken, BootstrapToken, Metadata } from '@plexd/protocol'
import type { Selectable } from 'kysely'
import type { Tables } from '../store/schema.ts'
import type { HostnameOf } from './hostnames.ts'
import { timestamp, timestampOrNull } from './timestamps.ts'

/** A bootstrap token without the token. */
export function bootstrapTokenView(
  row: Selectable<Tables['bootstrap_tokens']>,
  hostnameOf: HostnameOf,
): BootstrapToken {
  return {
    id: row.id,
    hostname: row.hostname,
    metadata: JSON.parse(row.metadata) as Metadata, // written by us, checked when it came in
    node_may_set: JSON.parse(row.node_may_set) as string[], // likewise
    nsk_format: row.nsk_format,
    created_at: timestamp(row.created_at),
    expires_at: timestamp(row.expires_at),
    used_at: timestampOrNull(row.used_at),
    node_id: row.node_id,
    node_hostname: row.node_id === null ? null : hostnameOf(row.node_id),
  }
}

/** An admin token without the token. */
export function adminTokenView(
  row: Pick<Selectable<Tables['admin_tokens']>, 'id' | 'name' | 'role' | 'created_at'>,
): AdminToken {
  return { id: row.id, name: row.name, role: row.role, created_at: timestamp(row.created_at) }
}
