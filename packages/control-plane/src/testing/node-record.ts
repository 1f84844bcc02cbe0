import type { NodeRecord } from '../mesh/fleet.ts'

/** The `no`th node of a tenant, online, with nothing special about it but what is given. */
export function aNode(no: number, given: Partial<NodeRecord> = {}): NodeRecord {
  return {
    no,
    id: `n_${no}`,
    tenant_id: 'ten_1',
    hostname: `node-${no}`,
    mesh_ip: `10.100.${no >> 8}.${no & 255}`,
    public_key: `key-${no}`,
    key_epoch: 1,
    key_changed_at: 0,
    token_hash: `token-${no}`,
    nsk_hash: `nsk-${no}`,
    next_token_hash: null,
    next_nsk_hash: null,
    labels: {},
    reported: {},
    endpoint: '',
    nat_type: '',
    local_endpoints: [],
    endpoint_untold: false,
    user_agent: '',
    is_go: false,
    status: 'online',
    rotate_keys: false,
    ...given,
  }
}
