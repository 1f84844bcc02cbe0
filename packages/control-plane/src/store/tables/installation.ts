import type { Generated } from 'kysely'

/** The installation itself, and the tenants it is for. */
export interface InstallationTables {
  /** Values of the installation: `epoch` of the event log, sealed keys. */
  settings: { name: string; value: string }
  tenants: {
    id: string
    name: string
    created_at: number
    /** Grows when a node is removed by force; an input of PSK derivation. */
    psk_epoch: Generated<number>
  }
  /** A tenant's address ranges; the lowest position is the oldest. */
  mesh_ranges: {
    tenant_id: string
    cidr: string
    position: number
    /** The last assigned address; 0 for none yet. */
    last_address: number
    added_at: number
  }
  signing_keys: {
    id: string
    public_key: string
    private_key_sealed: string
    state: 'current' | 'previous' | 'retired'
    /** Later events are signed with this key; earlier ones with the previous key while that is valid. */
    since_seq: number
    created_at: number
    expires_at: number | null
  }
  /** Of the server's certificate, since the first was prepared for replacement. */
  authorities: {
    id: string
    /** In PEM. */
    certificate: string
    /** Null where it is in the file that the settings name, and when it signs no more. */
    key_sealed: string | null
    /** By the one before: see tls/endorsement.ts. */
    endorsement: string | null
    state: 'next' | 'current' | 'previous' | 'retired'
    created_at: number
    activated_at: number | null
    retired_at: number | null
  }
  /** What nodes have made of what they were told of the control plane: `Heeded` as JSON. */
  node_heeds: { node_id: string; heeded: string; at: number }
}
