import type { AlertSeverity, AlertState, NatType, Role } from '@plexd/protocol'
import type { Generated, Selectable } from 'kysely'

/**
 * The tables, as the migrations make them. Times are milliseconds since 1970, JSON and sealed values are text,
 * booleans are 0 and 1: the same on SQLite and PostgreSQL.
 */
export interface Tables {
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
  nodes: NodeTable
  policies: {
    id: string
    tenant_id: string
    name: string
    revision: number
    position: number
    /** PolicyRule[] as JSON. */
    rules: string
    updated_at: number
  }
  /** One row per key and target; `target` is `node:<id>` or `selector:<text>`. */
  data_entries: EntryTable & { content_type: string; payload: string }
  secrets: EntryTable & { value_sealed: string }
  /** The last version of each key; kept after deletion, so that no version is used twice. */
  key_versions: { tenant_id: string; kind: 'data' | 'secret'; key: string; version: number }
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
  executions: {
    id: string
    tenant_id: string
    node_id: string
    action: string
    type: string
    parameters: string
    checksum: string | null
    timeout: string
    status: string
    reason: string
    exit_code: number | null
    stdout: string
    stderr: string
    duration: string
    raw_status: string | null
    triggered_by: string
    /** Digest of the result, to tell a repeat from a different one. */
    result_digest: string | null
    event_seq: number
    created_at: number
    deadline_at: number
    /** When it was last sent, as `event_seq`. */
    sent_at: number | null
    acked_at: number | null
    finished_at: number | null
    /** The deadline until it is accepted, if it was asked for with one. */
    expires_at: number | null
    /** Of one for which its node had no room: until then the node is sent no further one, unless another ends. */
    held_until: number | null
    cancel_requested_at: number | null
    /** The event that tells the node. */
    cancel_seq: number | null
    late: number
  }
  /** One action on many nodes. */
  runs: {
    id: string
    tenant_id: string
    action: string
    parameters: string
    /** Null for what each node declares of the action. */
    timeout: string | null
    /** How long each node may take to accept it; null for the default. */
    expires: string | null
    /** What a node has to show after its execution, as JSON; null if its result is enough. */
    criterion: string | null
    /** As it was asked for; null for a list of nodes. */
    selector: string | null
    max_parallel: number
    max_failures: number
    canary: number
    /** `preparing` while its nodes are being written: nobody is shown such a run, and a start deletes it. */
    state: string
    /** Why no further node begins. */
    stop: string | null
    /** How many of its nodes are in which status; `running` includes those that are being cancelled. */
    waiting: number
    running: number
    succeeded: number
    failed: number
    cancelled: number
    skipped: number
    retry_of: string | null
    schedule_id: string | null
    /** The name of the schedule, which may be deleted. */
    schedule: string | null
    triggered_by: string
    created_at: number
    expires_at: number
    ended_at: number | null
  }
  run_nodes: {
    run_id: string
    /** The order in which they begin, from 0. */
    position: number
    node_id: string
    status: string
    reason: string
    execution_id: string | null
    exit_code: number | null
    started_at: number | null
    /** When its execution had succeeded, of one that has more to show. */
    executed_at: number | null
    ended_at: number | null
  }
  schedules: {
    id: string
    tenant_id: string
    name: string
    cron: string
    time_zone: string
    start_within: string
    /** What its runs are, as JSON. */
    spec: string
    enabled: number
    /** Null while it is disabled. */
    next_due_at: number | null
    /** The name of the operator, and who triggers its runs, as JSON. */
    created_by: string
    triggered_by: string
    created_at: number
  }
  /** What became of each time at which a schedule was due; the key lets it start once. */
  schedule_turns: {
    schedule_id: string
    due_at: number
    outcome: string
    reason: string
    missed: number
    run_id: string | null
    at: number
  }
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
  /** The commit log, which is also the outbox. Unsigned; `audience` contains the recipients' numbers, encoded as in audience.ts. */
  events: {
    seq: number
    event_id: string
    /** Empty, like the neighbouring columns, if the change notified nobody. */
    event_type: string
    audience: Uint8Array
    payload: string
    created_at: number
    /** The other changes of the unit of work, in the row of its first event: JSON list of noun and id. */
    changes: string | null
  }
  /** Runs of the control plane that wrote events; runs undone by a restored backup are missing. */
  lives: {
    id: string
    first_seq: number
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
  alert_rules: {
    tenant_id: string
    name: string
    /** JSON; null for one that is there by itself and was deleted. */
    spec: string | null
    revision: number
    updated_at: number
    updated_by: string
  }
  alerts: {
    id: string
    tenant_id: string
    rule: string
    severity: AlertSeverity
    node_id: string
    hostname: string
    state: AlertState
    summary: string
    value: number | null
    since: number
    fired_at: number | null
    resolved_at: number | null
    reason: string
    /** 1 once webhooks were told that it fires. */
    told: number
  }
  alert_silences: {
    id: string
    tenant_id: string
    rule: string | null
    node_id: string | null
    selector: string | null
    reason: string
    created_by: string
    created_at: number
    ends_at: number
    ended_by: string | null
  }
  alert_webhooks: {
    id: string
    tenant_id: string
    name: string
    /** Of its URL, the rest of which may be a secret. */
    origin: string
    /** JSON list. */
    severities: string
    /** The URL, and the secret that signs, as JSON. */
    secret_sealed: string
    created_by: string
    created_at: number
    delivered: Generated<number>
    dropped: Generated<number>
    /** Attempts that have failed since the last that did not. */
    failures: Generated<number>
    last_error: Generated<string>
    /** No attempt before that. */
    retry_at: number | null
  }
  /** What waits for a webhook, in the order of `no`. */
  alert_messages: {
    no: Generated<number>
    id: string
    webhook_id: string
    /** As it is sent and signed. */
    body: string
    created_at: number
  }
  artifacts: {
    version: string
    os: string
    arch: string
    size: number
    checksum: string
    created_at: number
    /** Base64; null if it was uploaded without one. */
    signature: string | null
  }
  /** Builds of plexd that were not uploaded and are good all the same. */
  trusted_builds: {
    version: string
    os: string
    arch: string
    checksum: string
    /** The name of the operator. */
    trusted_by: string
    created_at: number
  }
  /** How far records of a kind were passed on to a target, by its name in the settings. */
  forwards: {
    name: string
    kind: string
    /** A cursor of the telemetry store. */
    position: string
    /** Log records, or values of metrics. */
    sent: Generated<number>
    refused: Generated<number>
    /** Records that were kept no longer before they could be sent. */
    removed: Generated<number>
    sent_at: number | null
    /** Why what was sent last was not taken; null if it was. */
    error: string | null
    error_at: number | null
  }
}

/** A row as it is read. */
export type Row<Table extends keyof Tables> = Selectable<Tables[Table]>

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

interface EntryTable {
  id: string
  tenant_id: string
  key: string
  target: string
  version: number
  updated_at: number
}
