import type { NatType } from '@plexd/protocol'
import type { Generated } from 'kysely'

/** Nodes, and what they report. */
export interface NodeTables {
  nodes: NodeTable
  reports: {
    node_id: string
    key: string
    content_type: string
    payload: string
    version: number
    updated_at: string
    /** As the node reports it; null if it does not. */
    written_by: string | null
  }
  /** The last batch of a node, for recognising it if its answer was lost. */
  report_batches: { node_id: string; digest: string; keys_before: string }
}

interface NodeTable {
  /** A small number for the node in audiences; never reused. */
  no: Generated<number>
  id: string
  tenant_id: string
  hostname: string
  mesh_ip: string
  public_key: string
  /** Grows with each key of the node; an input of PSK derivation. */
  key_epoch: number
  key_changed_at: number
  token_hash: string
  nsk_hash: string
  nsk_sealed: string
  nsk_format: 'base64' | 'raw32'
  /** Hashes of the secrets issued with a new key; null once the node has used them. */
  next_token_hash: string | null
  next_nsk_hash: string | null
  /** Both as JSON, sealed, so that the answer can be repeated. */
  next_secrets_sealed: string | null
  /** Labels set by operators and its token, as JSON. */
  labels: string
  /** Metadata it reported, as JSON. */
  reported: string
  /** JSON list of the keys of `labels` whose origin (operator or node) is unknown. */
  labels_unconfirmed: Generated<string>
  capabilities: string | null
  endpoint: string
  nat_type: NatType | ''
  /** JSON list of `host:port`. */
  local_endpoints: string
  /** 1 while its peers have not been told of these three. */
  endpoint_untold: Generated<number>
  user_agent: string
  status: 'pending' | 'online' | 'unreachable' | 'offline'
  /** 1 if the next heartbeat is to be answered with `rotate_keys`. */
  rotate_keys: number
  registered_at: number
  last_seen_at: number | null
  removed_at: number | null
  /** What it says that it runs, and how that was judged, since when; all five are null for a node that has not said. */
  binary_version: string | null
  binary_checksum: string | null
  binary_state: string | null
  binary_since: number | null
  /** 0 while a mismatch has yet to be told. */
  binary_told: number | null
}
