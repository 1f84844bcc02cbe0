import type { GoType } from './go-json.ts'

/** The structs that the Go agent decodes answers and payloads into (wire contract 2 and 3.8). */

const peer: GoType = {
  struct: {
    id: 'string',
    public_key: 'string',
    mesh_ip: 'string',
    endpoint: 'string',
    allowed_ips: { list: 'string' },
    psk: 'string',
  },
}

const policy: GoType = {
  struct: {
    id: 'string',
    rules: {
      list: {
        struct: {
          src: 'string',
          dst: 'string',
          port: 'int',
          protocol: 'string',
          action: 'string',
        },
      },
    },
  },
}

const signingKeys: GoType = {
  struct: { current: 'string', previous: 'string', transition_expires: 'time' },
}

const dataEntry: GoType = {
  struct: {
    key: 'string',
    content_type: 'string',
    payload: 'any',
    version: 'int',
    updated_at: 'time',
  },
}

const secretRefs: GoType = { list: { struct: { key: 'string', version: 'int' } } }

export const goRegisterResponse: GoType = {
  struct: {
    node_id: 'string',
    mesh_ip: 'string',
    signing_public_key: 'string',
    node_secret_key: 'string',
    peers: { list: peer },
  },
}

export const goHeartbeatResponse: GoType = { struct: { reconcile: 'bool', rotate_keys: 'bool' } }

export const goState: GoType = {
  struct: {
    peers: { list: peer },
    policies: { list: policy },
    signing_keys: signingKeys,
    metadata: { map: 'string' },
    data: { list: dataEntry },
    secret_refs: secretRefs,
  },
}

export const goSecret: GoType = {
  struct: { key: 'string', ciphertext: 'string', nonce: 'string', version: 'int' },
}

export const goEnvelope: GoType = {
  struct: {
    event_type: 'string',
    event_id: 'string',
    issued_at: 'time',
    nonce: 'string',
    payload: 'any',
    signature: 'string',
  },
}

/** What the handlers of the Go agent parse; the others it only takes as a hint to reconcile. */
export const goPayloads: Readonly<Record<string, GoType>> = {
  peer_added: peer,
  peer_removed: { struct: { peer_id: 'string' } },
  peer_key_rotated: peer,
  peer_endpoint_changed: peer,
  action_request: {
    struct: {
      execution_id: 'string',
      action: 'string',
      parameters: { map: 'string' },
      timeout: 'string',
      checksum: 'string',
      triggered_by: {
        struct: { type: 'string', session_id: 'string', user_id: 'string', email: 'string' },
      },
    },
  },
  signing_key_rotated: signingKeys,
  node_state_updated: { struct: { metadata: { map: 'string' }, data: { list: dataEntry } } },
  node_secrets_updated: { struct: { secret_refs: secretRefs } },
}

export interface GoPeer {
  id: string
  public_key: string
  mesh_ip: string
  endpoint: string
  allowed_ips: string[]
  psk: string
}

export interface GoState {
  peers: GoPeer[]
  policies: { id: string; rules: { src: string; dst: string; port: number }[] }[]
  signing_keys: { current: string; previous: string; transition_expires: string }
  metadata: Record<string, string>
  data: { key: string; content_type: string; payload: unknown; version: number }[]
  secret_refs: { key: string; version: number }[]
}
