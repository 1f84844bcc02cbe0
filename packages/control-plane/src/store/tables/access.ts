import type { Role } from '@plexd/protocol'
import type { Generated } from 'kysely'

/** Who may call. */
export interface AccessTables {
  admin_tokens: {
    id: string
    tenant_id: string
    name: string
    role: Role
    token_hash: string
    created_at: number
    revoked_at: number | null
  }
  bootstrap_tokens: {
    id: string
    tenant_id: string
    token_hash: string
    hostname: string | null
    /** Labels, as JSON. */
    metadata: string
    /** JSON list of keys. */
    node_may_set: Generated<string>
    nsk_format: 'base64' | 'raw32' | null
    created_at: number
    expires_at: number
    revoked_at: number | null
    used_at: number | null
    node_id: string | null
    /** The public key that used the token: it may retry until the first authenticated call. */
    public_key: string | null
    /** The complete registration answer, sealed; null once the node has shown that it has it. */
    answer_sealed: string | null
  }
}
