import { maxOutputBytes } from '@plexd/protocol'
import { limit, limitTable, type Limits as Resolved } from '@plexd/runtime'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/**
 * The limits of what clients may use. Each has a row in docs/reference/settings.md, and is set with
 * `--limit NAME=NUMBER` or under `limits:` in the file.
 */
export const limits = limitTable({
  metadata_keys: limit.count(256, 'labels of a node, and as many keys that it reports'),
  metadata_key_bytes: limit.bytes(
    317,
    'key of a label, or one that a node reports: 253 of a DNS name, a slash and 63 of a name',
    { min: 16 },
  ),
  metadata_value_bytes: limit.bytes(1024, 'value of a label, or one that a node reports', {
    min: 16,
  }),
  metadata_bytes: limit.bytes(
    32 * 1024,
    'all keys and values of the labels of a node, and as many of what it reports',
  ),
  handshakes: limit.count(64, 'TLS handshakes that go on at a time; further connections wait'),
  handshake_queue: limit.count(
    16_384,
    'connections that wait for their handshake; past it, one of the address that has most of them is closed',
  ),
  handshake_ms: limit.ms(10_000, 'time that a TLS handshake may take', {
    min: 100,
    max: 10 * minuteMs,
  }),
  silent_connection_ms: limit.ms(
    5_000,
    'time in which the first message of a connection has to come, that of TLS or of a balancer',
    { min: 100, max: 10 * minuteMs },
  ),
  connections: limit.count(
    100_000,
    'open connections, and never more than nine tenths of the descriptors that the process may have; past it, the longest idle ones of the address that has most are closed',
  ),
  wrong_tokens: limit.count(
    100,
    'wrong tokens that are answered with 401, of an address (IPv6: of a network of 64 bits) or for a node; further ones get 429',
  ),
  wrong_token_refill_ms: limit.ms(
    1_000,
    'time after which one more wrong token is answered with 401',
    { min: 10, max: hourMs },
  ),
  wrong_token_sources: limit.count(10_000, 'addresses and nodes whose wrong tokens are remembered'),
  database_lock_wait: limit.ms(
    3_000,
    'what is asked for waits so long for another process that has locked the database',
    { min: 100, max: minuteMs },
  ),
  telemetry_bytes: limit.bytes(
    4 * 1024 ** 3,
    'metrics, logs, drift and violations kept, as they are on the disk: about a sixth of what was sent; past it, the oldest of that node and kind with most go',
  ),
  audit_bytes: limit.bytes(
    1024 ** 3,
    'audit records kept; past it, the oldest of that node with most go',
  ),
  tenant_telemetry_bytes: limit.bytes(
    4 * 1024 ** 3,
    'the same of one tenant, for its audit records and for all else',
  ),
  telemetry_ms: limit.ms(
    7 * 24 * 60 * 60_000,
    'how long metrics, logs, audit records, drift and violations are kept',
    { min: hourMs, max: 366 * dayMs },
  ),
  telemetry_file_ms: limit.ms(
    24 * 60 * 60_000,
    'how long telemetry of a kind is written to one file, which is deleted as a whole when it is too old',
    { min: hourMs, max: 31 * dayMs },
  ),
  telemetry_prune_ms: limit.ms(
    30_000,
    'how often telemetry that is too old or too much is deleted',
    { min: 1_000, max: hourMs },
  ),
  series_bytes: limit.bytes(
    2 * 1024 ** 3,
    'series of metrics kept, for a quarter of a year; past it, the oldest of the node with most go',
  ),
  node_series: limit.count(
    1_000,
    'series kept of what plexd measures of a node in an hour, metrics of each peer counted apart; further ones are left out',
  ),
  node_program_series: limit.count(
    2_000,
    'series that programs on a node send, each combination of labels counted apart; further ones are left out, and one that has ended for an hour makes room',
  ),
  tenant_program_series: limit.count(100_000, 'the same of all nodes of a tenant together'),
  recording_bytes: limit.bytes(
    10 * 1024 ** 3,
    'recordings of sessions kept; past it, the oldest of the node with most go',
  ),
  session_recording_bytes: limit.bytes(
    512 * 1024 ** 2,
    'one of them; agents end the session before, see their setting sessions.recording_bytes',
  ),
  report_keys: limit.count(10_000, 'report entries kept of a node; others are left out'),
  report_bytes: limit.bytes(
    64 * 1024 ** 2,
    'report entries kept of a node; what goes beyond is left out',
  ),
  node_writes_per_second: limit.count(
    50,
    'requests of a node that change or report something, on average; ten seconds of it at once. Heartbeats and batches do not count',
  ),
  node_bytes_per_second: limit.bytes(
    4 * 1024 ** 2,
    'what a node sends in batches, and as much beside them, on average; ten seconds of it at once',
  ),
  node_state_bytes_per_second: limit.bytes(
    4 * 1024 ** 2,
    'whole states that a node pulls, on average; ten seconds of it at once. To hear that nothing is new costs nothing',
  ),
  telemetry_records_per_second: limit.count(
    2_000,
    'records of metrics, logs and audit of a node, on average; ten seconds of it at once',
  ),
  tenant_telemetry_records_per_second: limit.count(
    200_000,
    'the same of all nodes of a tenant together',
  ),
  tenant_telemetry_bytes_per_second: limit.bytes(
    64 * 1024 ** 2,
    'what all nodes of a tenant send in batches, unpacked, on average; ten seconds of it at once',
  ),
  telemetry_batch_records: limit.count(
    50_000,
    'records in one batch of metrics, logs or audit; agents send 5,000 at most',
  ),
  telemetry_record_bytes: limit.bytes(
    256 * 1024,
    'one of those records; a larger one is dropped, and the others are taken',
  ),
  node_metrics_samples: limit.count(
    100_000,
    'samples in an answer of `/metrics/nodes`; past it, whole nodes are left out and counted, those that registered last first',
  ),
  report_batch_entries: limit.count(
    20_000,
    'entries and deletions in one batch of reports; agents send 500. What a Go node sends beyond it is left out',
  ),
  execution_output_bytes: limit.bytes(
    maxOutputBytes,
    'stdout of an action that is kept, and as much of its stderr; the rest is cut off',
  ),
  node_executions: limit.count(
    5,
    'actions that a node is asked for at a time, unless it announces another number; further ones wait',
  ),
  queued_executions: limit.count(
    10_000,
    'executions that wait for a node; further ones are refused',
  ),
  tenant_queued_executions: limit.count(100_000, 'the same of all nodes of a tenant'),
  queued_execution_ms: limit.ms(
    60 * 60_000,
    'time that an execution waits to be sent, if it was not asked for with an expiry',
    { min: 1_000, max: 366 * dayMs },
  ),
  node_sessions: limit.count(
    100,
    'remote sessions of a node that have not ended; further ones are refused',
  ),
  operator_sessions: limit.count(100, 'the same of one operator'),
  operator_tails: limit.count(
    20,
    'streams of events, logs and audit records that an operator follows at a time; further ones are refused',
  ),
  session_ms: limit.ms(12 * 60 * 60_000, 'the longest time that a session may be opened for', {
    min: minuteMs,
    max: 31 * dayMs,
  }),
  session_idle_ms: limit.ms(
    30 * 60_000,
    'time after which a session ends in which nothing is sent, if it was not asked for with another',
    { min: 1_000, max: dayMs },
  ),
  node_problems: limit.count(
    16,
    'problems kept of what a node says does not work on it; the rest is left out',
  ),
  node_problem_characters: limit.count(512, 'characters kept of each of them', { min: 16 }),
  endpoint_changes: limit.count(
    5,
    'changes of its endpoint that a node may have told to its peers at once; a further one is stored, and told at its turn',
  ),
  endpoint_refill_ms: limit.ms(
    10_000,
    'time after which a node may have one more change of its endpoint told',
    { min: 100, max: hourMs },
  ),
  key_rotations_per_minute: limit.count(
    6,
    'rotations of its key that a node may make, on average; as many at once. Its peers are told of each',
  ),
  data_entry_bytes: limit.bytes(1024 * 1024, 'payload of a data entry, compact; agents take 4 MiB'),
  node_data_bytes: limit.bytes(
    8 * 1024 * 1024,
    'data entries that a node is told of; a write past it is refused, and what selectors bring past it is left out',
  ),
  node_data_entries: limit.count(10_000, 'the same as a number of entries'),
  node_secrets: limit.count(10_000, 'secrets that a node is told of, likewise'),
  page_bytes: limit.bytes(
    1024 * 1024,
    'payloads and outputs in one page of a list of the admin API; one item at least',
  ),
  body_bytes_in_flight: limit.bytes(
    256 * 1024 * 1024,
    'bodies, unpacked, of all requests of nodes and operators at a time; further ones get 503',
  ),
  caller_body_bytes_in_flight: limit.bytes(64 * 1024 * 1024, 'the same of one node or operator'),
  stranger_body_bytes_in_flight: limit.bytes(
    16 * 1024 * 1024,
    'the same of all registrations together, whose callers are not known yet',
  ),
  body_ms: limit.ms(
    60_000,
    'time in which the body of a request has to be there, but for uploads of binaries',
    { min: 1_000, max: 5 * minuteMs },
  ),
  stranger_body_ms: limit.ms(15_000, 'the same of a registration', {
    min: 1_000,
    max: 5 * minuteMs,
  }),
  action_parameter_bytes: limit.bytes(
    32 * 1024,
    'all parameters of an action, as JSON; nodes read events of 4 MiB',
  ),
  run_nodes: limit.count(10_000, 'nodes of one run of an action'),
  open_runs: limit.count(100, 'runs of a tenant that have not ended, paused ones included'),
  schedules: limit.count(1_000, 'schedules of a tenant'),
  alert_rules: limit.count(200, 'alert rules of a tenant'),
  alert_silences: limit.count(1_000, 'silences of a tenant that have not ended'),
  alert_webhooks: limit.count(20, 'webhooks of a tenant'),
  alert_messages: limit.count(
    1_000,
    'messages that wait for a webhook; past it, the oldest are dropped',
  ),
  policies: limit.count(1_000, 'policies of a tenant'),
  go_report_bytes: limit.bytes(
    16 * 1024 * 1024,
    'what is read of a report batch of a Go node, which sends all that it has in one; the rest is left out',
  ),
})

export type Limits = Resolved<typeof limits>
