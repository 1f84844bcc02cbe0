/** Remote sessions, and what was recorded of them. */
export interface SessionTables {
  /** Remote sessions. */
  sessions: {
    id: string
    tenant_id: string
    node_id: string
    /** Who opened it; the name is as it was then. */
    operator_id: string
    operator_name: string
    state: string
    way: string
    login: string
    /** That of the client, which the node lets in. */
    public_key: string
    /** JSON lists. */
    actions: string
    forward: string
    shell: number
    recorded: number
    record_input: number
    /** A Go duration. */
    idle_timeout: string
    opened_at: number
    expires_at: number
    /** The event that tells the node. */
    setup_seq: number
    /** Where the node listens, as it says. */
    listen_addr: string | null
    closed_at: number | null
    reason: string | null
    detail: string
    /** The event that tells the node to end it, if we do. */
    revoked_seq: number | null
    /** When the node said that it has ended, and what it said besides. */
    reported_at: number | null
    duration: string | null
    bytes_in: number | null
    bytes_out: number | null
    recording_chunks: number | null
  }
  /** Of sessions, by their ids. */
  recordings: {
    id: string
    tenant_id: string
    node_id: string
    /** Null once the recording is kept no longer. */
    key_sealed: string | null
    created_at: number
    /** When all chunks were here. */
    completed_at: number | null
    expired_at: number | null
  }
}
