import { maxOutputBytes } from '@plexd/protocol'
import { limit, limitTable, type Limits as Resolved } from '@plexd/runtime'

/**
 * The limits for programs on the node, peers and the control plane. Each has a row in
 * docs/reference/settings.md, and is set under `limits:` in the config file.
 */
export const limits = limitTable({
  local_connections: limit.count(
    1_024,
    'connections to the Local Node API at a time, over socket and TCP together; a sixteenth of them is kept for root',
  ),
  local_connections_per_user: limit.count(
    256,
    'those of one user other than root; all who come over TCP count as one user; at the limit an idle one is closed for a new one',
  ),
  local_body_bytes: limit.bytes(
    64 * 1024 * 1024,
    'what bodies of requests to the Local Node API may take that are not answered yet; a sixteenth of it is kept for root',
  ),
  local_body_bytes_per_user: limit.bytes(
    16 * 1024 * 1024,
    'those of one user other than root; TCP counts as one user',
  ),
  local_report_keys: limit.count(
    50_000,
    'report entries that are kept, deleted ones that are still remembered included',
  ),
  local_report_keys_per_user: limit.count(
    10_000,
    'those that one user other than root wrote; TCP counts as one user',
  ),
  local_report_bytes: limit.bytes(64 * 1024 * 1024, 'what all report entries may take together'),
  local_report_bytes_per_user: limit.bytes(
    16 * 1024 * 1024,
    'what the entries that one user other than root wrote may take; TCP counts as one user',
  ),
  local_metric_values_per_second: limit.count(
    500,
    'values of metrics that one user may send on average; TCP counts as one user',
  ),
  data_entry_bytes: limit.bytes(
    4 * 1024 * 1024,
    'a data entry from the control plane, as JSON; a larger one is left out',
  ),
  data_entry_values: limit.count(200_000, 'values in it: texts, numbers, lists and the like'),
  event_characters: limit.count(
    4 * 1024 * 1024,
    'an event from the control plane; in place of a longer one the state is pulled',
  ),
  event_values: limit.count(400_000, 'values in it: texts, numbers, lists and the like'),
  answer_bytes: limit.bytes(
    32 * 1024 * 1024,
    'any other answer of the control plane than a state; a larger one is refused',
  ),
  answer_values: limit.count(
    400_000,
    'values in it: an answer with ten thousand peers has a hundred thousand',
  ),
  action_output_bytes: limit.bytes(
    maxOutputBytes,
    'stdout of an action that is sent, and as much of its stderr; the rest is cut off',
  ),
  hooks: limit.count(200, 'hooks of this machine; past it, the last by name are left out'),
  hook_bytes: limit.bytes(16 * 1024 * 1024, 'the program of a hook; a larger one does not run'),
  executions: limit.count(
    10_000,
    'executions of the last day that are remembered, so that none runs twice; past it, the oldest are forgotten',
  ),
  upgrade_bytes: limit.bytes(
    512 * 1024 * 1024,
    'a build of plexd that the node upgrades to; a larger one is refused',
  ),
  queue_bytes: limit.bytes(
    16 * 1024 * 1024,
    'what may wait for the control plane of each kind: results of actions, drift reports, violations; past it, results wait in the database, and the oldest of the others are dropped',
  ),
  recording_queue_bytes: limit.bytes(
    256 * 1024 * 1024,
    'what may wait for the control plane of recordings of sessions; past it, sessions that are recorded end',
  ),
  telemetry_metrics_bytes: limit.bytes(
    16 * 1024 * 1024,
    'metrics that may wait for the control plane, packed; past it, the oldest are dropped, and counted',
  ),
  telemetry_logs_bytes: limit.bytes(
    256 * 1024 * 1024,
    'log records that may wait for it, packed; past it, the oldest are dropped, and counted',
  ),
  telemetry_audit_bytes: limit.bytes(
    128 * 1024 * 1024,
    'audit records that may wait for it, packed; past it, the oldest are dropped, and counted',
  ),
  secret_requests: limit.count(
    32,
    'secrets that are fetched from the control plane at a time; others wait',
  ),
  secret_requests_waiting: limit.count(
    1_024,
    'keys of secrets that programs wait for; who asks for one more gets 503',
  ),
  state_part_bytes: limit.bytes(
    8 * 1024 * 1024,
    'a peer or a policy in a state, which is refused with a larger one, and a reference to a secret, which is left out',
  ),
  state_characters: limit.count(
    32 * 1024 * 1024,
    'a whole state from the control plane, as JSON; a longer one is refused',
  ),
  state_parts: limit.count(
    200_000,
    'peers, policies, entries and references to secrets in it, all together',
  ),
})

export type Limits = Resolved<typeof limits>
