/** What the daemon and its session server, a child process, say to each other over the IPC channel (serialization `advanced`). */
import type { CloseReason, RecordingSetup, SessionClaims, SessionWay } from '@plexd/protocol'
import type { LogLevel } from '@plexd/runtime'
import type { Account } from './authorisation/accounts.ts'

/** The first message, and again before each `open`: the mesh address, the token and the settings may have changed. */
export interface ServerSettings {
  type: 'settings'
  /** An Ed25519 key, PKCS #8 in PEM. */
  host_key_pem: string
  /** Where sessions by the mesh are waited for; null without a mesh. */
  mesh: { ip: string; port: number } | null
  control_plane: {
    url: string
    node_id: string
    /** The bearer token of the node. */
    token: string
    /** A file in PEM; the system's authorities without. */
    ca_file?: string
    proxy_url?: string
  }
  data_dir: string
  log_level: LogLevel
}

/** A session whose token, account and number have been checked. */
export interface OpenedSession {
  session_id: string
  claims: SessionClaims
  /** The session token, for the environment of what runs in it. */
  token: string
  /** OpenSSH text; the only key that a client may have. */
  authorized_key: string
  /** The user that it runs as. */
  account: Account
  way: SessionWay
  /** Without it the session is not recorded. */
  recording?: RecordingSetup & {
    /** What its chunks may take together. */
    limit_bytes: number
  }
  idle_timeout_ms: number
  /** Unix time. */
  expires_at_ms: number
}

export type ToServer =
  | ServerSettings
  | { type: 'open'; session: OpenedSession }
  | { type: 'close'; session_id: string; reason: CloseReason; detail: string }
  | { type: 'chunk_stored'; session_id: string; index: number }
  | { type: 'chunk_failed'; session_id: string; index: number; why: string }

/** A part of a recording, encrypted. */
export interface RecordingChunk {
  type: 'chunk'
  session_id: string
  index: number
  final: boolean
  bytes: Uint8Array
}

/** The last that is said of a session. */
export interface ClosedSession {
  type: 'closed'
  session_id: string
  reason: CloseReason
  detail: string
  duration_ms: number
  /** From the client. */
  bytes_in: number
  /** To the client. */
  bytes_out: number
  /** Of its recording; 0 without. */
  chunks: number
}

export type FromServer =
  /** `listen_addr`: `host:port` of the mesh listener, or `relay`. */
  | { type: 'ready'; session_id: string; listen_addr: string }
  /** `from`: the address of the client, or `relay`. */
  | { type: 'connected'; session_id: string; from: string }
  | RecordingChunk
  | ClosedSession
