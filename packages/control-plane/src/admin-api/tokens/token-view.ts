import type { AdminToken, BootstrapToken } from '@plexd/protocol'
import type { StoredToken } from '../../rows/bootstrap-tokens.ts'
import type { ShownOperator } from '../../rows/fleet/operators.ts'
import type { HostnameOf } from '../wire/hostnames.ts'
import { timestamp, timestampOrNull } from '../wire/timestamps.ts'

/** A bootstrap token without the token. */
export function bootstrapTokenView(row: StoredToken, hostnameOf: HostnameOf): BootstrapToken {
  return {
    id: row.id,
    hostname: row.hostname,
    metadata: row.metadata,
    node_may_set: row.node_may_set,
    nsk_format: row.nsk_format,
    created_at: timestamp(row.created_at),
    expires_at: timestamp(row.expires_at),
    used_at: timestampOrNull(row.used_at),
    node_id: row.node_id,
    node_hostname: row.node_id === null ? null : hostnameOf(row.node_id),
  }
}

/** An admin token without the token. */
export function adminTokenView(row: ShownOperator): AdminToken {
  return { id: row.id, name: row.name, role: row.role, created_at: timestamp(row.created_at) }
}
