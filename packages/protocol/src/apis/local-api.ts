import { type Static, Type } from 'typebox'
import { ActionParameter, BuiltinAction } from '../nodes/capabilities.ts'
import { ExecutionResult } from '../nodes/execution.ts'
import { HookList } from '../nodes/hook-status.ts'
import { Entry, ReportWriter, SecretRef } from '../nodes/node-state.ts'
import { NodeSessions } from '../nodes/session.ts'
import { UpgradeStatus } from '../nodes/upgrade.ts'
import { defaultMaxDepth, defaultMaxValues } from '../operations/body-bounds.ts'
import { operation } from '../operations/operation.ts'
import { CompiledRule, RuleAction } from '../policies/policy.ts'
import {
  Endpoint,
  EntryKey,
  Ipv4Cidr,
  Key32,
  MeshIp,
  Metadata,
  NatType,
  NodeId,
  Timestamp,
  WholeNumber,
} from '../schemas/scalars.ts'

const ReportKey = Type.Pick(Entry, ['key', 'version'])
const DataKey = Type.Interface([ReportKey], { content_type: Type.String() })

/** A peer's current state in WireGuard, for `plexd peers`. */
export const PeerStatus = Type.Object({
  id: NodeId,
  /** Empty if the control plane does not send it. */
  hostname: Type.String(),
  mesh_ip: MeshIp,
  public_key: Key32,
  state: Type.Enum(['connected', 'idle', 'unanswered', 'misrouted', 'no_endpoint', 'missing']),
  /** Why it is not connected, or only for small packets; otherwise empty. */
  reason: Type.String(),
  /** Where packets are sent; empty while unknown. */
  endpoint: Type.String(),
  allowed_ips: Type.Array(Ipv4Cidr),
  last_handshake_at: Type.Union([Timestamp, Type.Null()]),
  rx_bytes: WholeNumber,
  tx_bytes: WholeNumber,
  keepalive_seconds: WholeNumber,
})
export type PeerStatus = Static<typeof PeerStatus>

const Traffic = { packets: WholeNumber, bytes: WholeNumber }

/** A rule as this node enforces it, with the packets it has decided since it took effect. */
export const RuleStatus = Type.Interface([CompiledRule], {
  policy_id: Type.String(),
  /** Empty if the control plane does not send it. */
  policy_name: Type.String(),
  /** The name of the node that this side is, by id or address; empty for any other side. */
  src_hostname: Type.String(),
  dst_hostname: Type.String(),
  /** Why it is not in force; empty if it is. */
  skipped: Type.String(),
  ...Traffic,
})
export type RuleStatus = Static<typeof RuleStatus>

/** The current packet filter, for `plexd policies`. */
export const PolicyStatus = Type.Object({
  filtering: Type.Boolean(),
  /** Why packets are not filtered, or why the newest rules are not in force; otherwise empty. */
  reason: Type.String(),
  /** For flows that no rule matches. */
  default_action: RuleAction,
  /** The first match decides. */
  rules: Type.Array(RuleStatus),
  /** Packets that no rule matched, and packets denied for any reason. */
  default: Type.Object(Traffic),
  denied: Type.Object(Traffic),
})
export type PolicyStatus = Static<typeof PolicyStatus>

/** How the internet sees this node, for `plexd netcheck`. */
export const NetworkStatus = Type.Object({
  /** Empty while no STUN server answers. */
  public_endpoint: Endpoint,
  nat_type: NatType,
  nat_reason: Type.String(),
  /** The server that saw it. */
  stun_server: Type.String(),
  /** How STUN requests are sent from WireGuard's port. */
  way: Type.Enum(['rewrite', 'translate', 'direct', 'none']),
  way_reason: Type.String(),
  /** For peers on the same network. */
  local_endpoints: Type.Array(Endpoint),
  checked_at: Timestamp,
})
export type NetworkStatus = Static<typeof NetworkStatus>

/** The state of the daemon itself, for `plexd status`. */
export const DaemonStatus = Type.Object({
  version: Type.String(),
  /** Process id. */
  pid: WholeNumber,
  node_id: Type.String(),
  hostname: Type.String(),
  mesh_ip: Type.String(),
  uptime: Type.String(),
  stopping: Type.Optional(
    Type.Boolean({ description: 'Whether it ends as soon as the actions that run have ended' }),
  ),
  control_plane: Type.Object({
    url: Type.String(),
    /** The proxy for the control plane, without its credentials. */
    proxy: Type.Optional(Type.String()),
    stream: Type.Enum(['connected', 'connecting', 'polling', 'refused', 'stopped']),
    last_event_id: Type.String(),
    last_heartbeat_at: Type.Union([Type.String(), Type.Null()]),
    last_reconcile_at: Type.Union([Type.String(), Type.Null()]),
    last_error: Type.String(),
    clock_skew_seconds: Type.Number(),
  }),
  revision: Type.String(),
  mesh: Type.Object({
    enabled: Type.Boolean(),
    interface: Type.String(),
    backend: Type.String(),
    peers: WholeNumber,
    /** The address ranges routed into the mesh (CIDR). */
    ranges: Type.Optional(Type.Array(Type.String())),
    /** Why there is no traffic, if the mesh is not enabled. */
    reason: Type.Optional(Type.String()),
  }),
  counts: Type.Object({
    metadata: WholeNumber,
    data: WholeNumber,
    secrets: WholeNumber,
    reports: WholeNumber,
    reports_unsynced: WholeNumber,
    pending_results: WholeNumber,
  }),
  /** How the last upgrade went; absent if there was none. */
  upgrade: Type.Optional(UpgradeStatus),
  /** Of operators, on this node; `reason`: why it opens none, or empty. Absent until the node is registered. */
  sessions: Type.Optional(
    Type.Object({ open: WholeNumber, max_sessions: WholeNumber, reason: Type.String() }),
  ),
  /** What waits on the disk for the control plane, beside reports. */
  queues: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.String({ examples: ['executions', 'drift', 'violations'] }),
        items: WholeNumber,
        bytes: WholeNumber,
        dropped: Type.Integer({
          minimum: 0,
          description: 'How many had to give way to newer ones since the start',
        }),
        refused: Type.Integer({
          minimum: 0,
          description: 'How many the control plane refused for good since the start',
        }),
      }),
    ),
  ),
  /** Current problems, each with its remedy. Empty if there are none. */
  problems: Type.Array(Type.String()),
})

/** An action that the node can run. */
export const LocalAction = Type.Interface([BuiltinAction], {
  type: Type.Enum(['builtin', 'hook']),
  description: Type.String(),
  parameters: Type.Array(ActionParameter),
  /** For which it may run unless a request says so. */
  timeout: Type.String({ examples: ['30s'] }),
})
export type LocalAction = Static<typeof LocalAction>

/** What a user of the node asks for. */
export const LocalRun = Type.Object({
  action: Type.String({ minLength: 1, maxLength: 256 }),
  parameters: Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Boolean(), Type.Integer()])),
  ),
  timeout: Type.Optional(
    Type.String({ maxLength: 64, description: 'Go duration; that of the action when absent' }),
  ),
})
export type LocalRun = Static<typeof LocalRun>

/** The result; the control plane does not know of it. */
export const LocalResult = Type.Interface([ExecutionResult], {
  execution_id: Type.String({ examples: ['local_a1b2c3d4'] }),
  action: Type.String(),
})
export type LocalResult = Static<typeof LocalResult>

const read = { method: 'GET', auth: 'local' } as const

/** From programs on the node to plexd: the 11 routes of the specification, then ours. */
export const localApi = {
  getLocalState: operation({
    ...read,
    path: '/v1/state',
    summary: 'Summarise all that the node holds',
    response: Type.Object({
      metadata: Metadata,
      data_keys: Type.Array(DataKey),
      secret_keys: Type.Array(SecretRef),
      report_keys: Type.Array(ReportKey),
    }),
  }),
  listMetadata: operation({
    ...read,
    path: '/v1/state/metadata',
    summary: 'Read all metadata',
    response: Metadata,
  }),
  getMetadata: operation({
    ...read,
    path: '/v1/state/metadata/{key}',
    summary: 'Read one metadata key',
    response: Type.Object({ key: Type.String(), value: Type.String() }),
    errors: [404],
  }),
  listData: operation({
    ...read,
    path: '/v1/state/data',
    summary: 'List data keys',
    response: Type.Array(DataKey),
  }),
  getData: operation({
    ...read,
    path: '/v1/state/data/{key}',
    summary: 'Read one data entry',
    response: Entry,
    errors: [404],
  }),
  listSecrets: operation({
    ...read,
    path: '/v1/state/secrets',
    summary: 'List secret keys',
    response: Type.Array(SecretRef),
  }),
  getSecretValue: operation({
    ...read,
    path: '/v1/state/secrets/{key}',
    auth: 'local_secrets',
    summary: 'Read a secret, fetched from the control plane at this moment',
    response: Type.Object({ key: EntryKey, value: Type.String(), version: WholeNumber }),
    errors: [404, 500, 503],
  }),
  listReports: operation({
    ...read,
    path: '/v1/state/report',
    summary: 'List report keys',
    response: Type.Array(ReportKey),
  }),
  getReport: operation({
    ...read,
    path: '/v1/state/report/{key}',
    summary: 'Read one report entry',
    response: Entry,
    errors: [400, 404],
  }),
  putReport: operation({
    auth: 'local',
    method: 'PUT',
    path: '/v1/state/report/{key}',
    summary: 'Write a report entry; If-Match makes it conditional',
    request: Type.Pick(Entry, ['content_type', 'payload']),
    maxBodyBytes: 1_048_576,
    // It must fit into a report batch, where the payload is nested two levels deeper and has a few values around it.
    maxDepth: defaultMaxDepth - 2,
    maxValues: defaultMaxValues - 20,
    gateStatus: 400,
    response: Entry,
    errors: [400, 409, 500, 507],
  }),
  deleteReport: operation({
    auth: 'local',
    method: 'DELETE',
    path: '/v1/state/report/{key}',
    summary: 'Delete a report entry',
    responseKind: 'empty',
    status: 204,
    errors: [400, 404, 500, 507],
  }),
  listWriters: operation({
    ...read,
    path: '/v1/writers',
    summary: 'List report keys with who wrote them',
    response: Type.Array(Type.Interface([ReportKey], { written_by: Type.Optional(ReportWriter) })),
  }),
  watch: operation({
    ...read,
    path: '/v1/watch',
    summary: 'Wait for a change: blocks until the state passes ?index, or for ?wait',
    query: Type.Object({
      index: Type.Optional(
        Type.String({ description: 'The last index seen; 0 or absent answers at once' }),
      ),
      wait: Type.Optional(Type.String({ description: 'Longest wait, as "30s"; 5m at most' })),
    }),
    response: Type.Object({ index: WholeNumber, changed: Type.Boolean() }),
    errors: [400],
  }),
  listPeers: operation({
    ...read,
    path: '/v1/peers',
    summary: 'Read how each peer of the mesh is reached',
    response: Type.Array(PeerStatus),
    errors: [503],
  }),
  listPolicies: operation({
    ...read,
    path: '/v1/policies',
    summary: 'Read the rules in force, and what they decided',
    response: PolicyStatus,
  }),
  checkNetwork: operation({
    ...read,
    path: '/v1/netcheck',
    summary: 'Look at once how this node is seen from the internet',
    response: NetworkStatus,
    errors: [409, 503],
  }),
  getStatus: operation({
    ...read,
    path: '/v1/status',
    summary: 'Read the state of the daemon itself',
    response: DaemonStatus,
  }),
  listHooks: operation({
    ...read,
    path: '/v1/hooks',
    summary: "List this machine's hooks, and why one does not run",
    response: HookList,
  }),
  reloadHooks: operation({
    method: 'POST',
    path: '/v1/hooks/reload',
    auth: 'local_root',
    summary: 'Announce all hooks as they are now, changed or not',
    response: HookList,
  }),
  listSessions: operation({
    ...read,
    path: '/v1/sessions',
    summary: 'List the sessions of operators on this node that have not ended',
    response: NodeSessions,
  }),
  listActions: operation({
    ...read,
    auth: 'local_root',
    path: '/v1/actions',
    summary:
      'List the actions that this node can run; with a session token, those that its session may run',
    response: Type.Array(LocalAction),
  }),
  runAction: operation({
    method: 'POST',
    path: '/v1/actions/run',
    auth: 'local_root',
    summary:
      'Run an action, and wait for its result; it is cancelled when the caller hangs up. A session token allows what its session may run',
    request: LocalRun,
    maxBodyBytes: 65_536,
    gateStatus: 400,
    response: LocalResult,
    errors: [400, 404, 409, 429, 503],
  }),
  stop: operation({
    method: 'POST',
    path: '/v1/stop',
    auth: 'local_root',
    summary: 'End the daemon, as SIGTERM does; the mesh stays up',
    responseKind: 'empty',
    status: 204,
  }),
} as const

export type LocalApi = typeof localApi
