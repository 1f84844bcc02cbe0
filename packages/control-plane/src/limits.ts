import { maxOutputBytes } from '@plexd/protocol'
import { limitTable, type Limits as Resolved } from '@plexd/runtime'

/**
 * The limits of what clients may use. Each has a row in docs/reference/settings.md, and is set with
 * `--limit NAME=NUMBER` or under `limits:` in the file.
 */
export const limits = limitTable({
  metadata_keys: {
    unit: 'count',
    default: 256,
    summary: 'labels of a node, and as many keys that it reports',
  },
  metadata_key_bytes: {
    unit: 'bytes',
    default: 317,
    summary:
      'key of a label, or one that a node reports: 253 of a DNS name, a slash and 63 of a name',
  },
  metadata_value_bytes: {
    unit: 'bytes',
    default: 1024,
    summary: 'value of a label, or one that a node reports',
  },
  metadata_bytes: {
    unit: 'bytes',
    default: 32 * 1024,
    summary: 'all keys and values of the labels of a node, and as many of what it reports',
  },
  handshakes: {
    unit: 'count',
    default: 64,
    summary: 'TLS handshakes that go on at a time; further connections wait',
  },
  handshake_queue: {
    unit: 'count',
    default: 16_384,
    summary:
      'connections that wait for their handshake; past it, one of the address that has most of them is closed',
  },
  handshake_ms: {
    unit: 'ms',
    default: 10_000,
    summary: 'time that a TLS handshake may take',
  },
  silent_connection_ms: {
    unit: 'ms',
    default: 5_000,
    summary: 'time in which the first byte of a connection has to come',
  },
  connections: {
    unit: 'count',
    default: 100_000,
    summary:
      'open connections, and never more than nine tenths of the descriptors that the process may have; past it, the longest idle ones of the address that has most are closed',
  },
  wrong_tokens: {
    unit: 'count',
    default: 100,
    summary:
      'wrong tokens that are answered with 401, of an address (IPv6: of a network of 64 bits) or for a node; further ones get 429',
  },
  wrong_token_refill_ms: {
    unit: 'ms',
    default: 1_000,
    summary: 'time after which one more wrong token is answered with 401',
  },
  wrong_token_sources: {
    unit: 'count',
    default: 10_000,
    summary: 'addresses and nodes whose wrong tokens are remembered',
  },
  database_lock_wait: {
    unit: 'ms',
    default: 3_000,
    summary: 'what is asked for waits so long for another process that has locked the database',
  },
  telemetry_bytes: {
    unit: 'bytes',
    default: 1024 ** 3,
    summary:
      'metrics, logs, drift and violations kept; past it, the oldest of that node and kind with most go',
  },
  audit_bytes: {
    unit: 'bytes',
    default: 512 * 1024 ** 2,
    summary: 'audit records kept; past it, the oldest of that node with most go',
  },
  report_keys: {
    unit: 'count',
    default: 10_000,
    summary: 'report entries kept of a node; others are left out',
  },
  report_bytes: {
    unit: 'bytes',
    default: 64 * 1024 ** 2,
    summary: 'report entries kept of a node; what goes beyond is left out',
  },
  node_writes_per_second: {
    unit: 'count',
    default: 50,
    summary:
      'requests of a node that change or report something, on average; ten seconds of it at once. Heartbeats and batches do not count',
  },
  node_bytes_per_second: {
    unit: 'bytes',
    default: 4 * 1024 ** 2,
    summary:
      'what a node sends in batches, and as much beside them, on average; ten seconds of it at once',
  },
  node_state_bytes_per_second: {
    unit: 'bytes',
    default: 4 * 1024 ** 2,
    summary:
      'whole states that a node pulls, on average; ten seconds of it at once. To hear that nothing is new costs nothing',
  },
  telemetry_records_per_second: {
    unit: 'count',
    default: 2_000,
    summary: 'records of metrics, logs and audit of a node, on average; ten seconds of it at once',
  },
  telemetry_batch_records: {
    unit: 'count',
    default: 50_000,
    summary: 'records in one batch of metrics, logs or audit; agents send 1,000 at most',
  },
  telemetry_record_bytes: {
    unit: 'bytes',
    default: 256 * 1024,
    summary: 'one of those records; a larger one is dropped, and the others are taken',
  },
  report_batch_entries: {
    unit: 'count',
    default: 20_000,
    summary:
      'entries and deletions in one batch of reports; agents send 500. What a Go node sends beyond it is left out',
  },
  execution_output_bytes: {
    unit: 'bytes',
    default: maxOutputBytes,
    summary: 'stdout of an action that is kept, and as much of its stderr; the rest is cut off',
  },
  node_problems: {
    unit: 'count',
    default: 16,
    summary: 'problems kept of what a node says does not work on it; the rest is left out',
  },
  node_problem_characters: {
    unit: 'count',
    default: 512,
    summary: 'characters kept of each of them',
  },
  endpoint_changes: {
    unit: 'count',
    default: 5,
    summary:
      'changes of its endpoint that a node may have told to its peers at once; a further one is stored, and told at its turn',
  },
  endpoint_refill_ms: {
    unit: 'ms',
    default: 10_000,
    summary: 'time after which a node may have one more change of its endpoint told',
  },
  key_rotations_per_minute: {
    unit: 'count',
    default: 6,
    summary:
      'rotations of its key that a node may make, on average; as many at once. Its peers are told of each',
  },
  data_entry_bytes: {
    unit: 'bytes',
    default: 1024 * 1024,
    summary: 'payload of a data entry, compact; agents take 4 MiB',
  },
  node_data_bytes: {
    unit: 'bytes',
    default: 8 * 1024 * 1024,
    summary:
      'data entries that a node is told of; a write past it is refused, and what selectors bring past it is left out',
  },
  node_data_entries: {
    unit: 'count',
    default: 10_000,
    summary: 'the same as a number of entries',
  },
  node_secrets: {
    unit: 'count',
    default: 10_000,
    summary: 'secrets that a node is told of, likewise',
  },
  page_bytes: {
    unit: 'bytes',
    default: 1024 * 1024,
    summary: 'payloads and outputs in one page of a list of the admin API; one item at least',
  },
  body_bytes_in_flight: {
    unit: 'bytes',
    default: 256 * 1024 * 1024,
    summary:
      'bodies, unpacked, of all requests of nodes and operators at a time; further ones get 503',
  },
  caller_body_bytes_in_flight: {
    unit: 'bytes',
    default: 64 * 1024 * 1024,
    summary: 'the same of one node or operator',
  },
  stranger_body_bytes_in_flight: {
    unit: 'bytes',
    default: 16 * 1024 * 1024,
    summary: 'the same of all registrations together, whose callers are not known yet',
  },
  body_ms: {
    unit: 'ms',
    default: 60_000,
    summary: 'time in which the body of a request has to be there, but for uploads of binaries',
  },
  stranger_body_ms: {
    unit: 'ms',
    default: 15_000,
    summary: 'the same of a registration',
  },
  action_parameter_bytes: {
    unit: 'bytes',
    default: 32 * 1024,
    summary: 'all parameters of an action, as JSON; nodes read events of 4 MiB',
  },
  policies: {
    unit: 'count',
    default: 1_000,
    summary: 'policies of a tenant',
  },
  go_report_bytes: {
    unit: 'bytes',
    default: 16 * 1024 * 1024,
    summary:
      'what is read of a report batch of a Go node, which sends all that it has in one; the rest is left out',
  },
})

export type Limits = Resolved<typeof limits>
