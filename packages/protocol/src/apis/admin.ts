import { type Static, Type } from 'typebox'
import { NodeBinary } from '../nodes/binary.ts'
import { Capabilities } from '../nodes/capabilities.ts'
import { IdentityInUse } from '../nodes/heartbeat.ts'
import { UpgradeStatus } from '../nodes/upgrade.ts'
import { roleNames } from '../operations/permissions.ts'
import { RuleAction } from '../policies/policy.ts'
import {
  Count,
  EntryKey,
  Ipv4Cidr,
  MeshIp,
  Metadata,
  mapOf,
  NodeId,
  Timestamp,
  WholeNumber,
} from '../schemas/scalars.ts'
import { IntegrityViolation } from '../telemetry/records.ts'

/** The nouns that only the admin API has. */

const Nullable = <S extends Parameters<typeof Type.Array>[0]>(
  schema: S,
  options: { description?: string } = {},
) => Type.Union([schema, Type.Null()], options)

/** Shown beside a node id; for a removed node, its last hostname. */
export const NodeHostname = Type.String({ description: 'What the node is called' })

export const Role = Type.Enum(roleNames)
export type Role = Static<typeof Role>

export const AdminToken = Type.Object({
  id: Type.String(),
  name: Type.String(),
  role: Role,
  created_at: Timestamp,
})
export type AdminToken = Static<typeof AdminToken>

export const BootstrapToken = Type.Object({
  id: Type.String({ examples: ['tok_k3v9'] }),
  hostname: Nullable(Type.String()),
  metadata: Metadata,
  node_may_set: Type.Array(Type.String(), {
    description: 'Keys that the node may choose: they become labels when it registers with them',
  }),
  nsk_format: Nullable(Type.Enum(['base64', 'raw32'])),
  created_at: Timestamp,
  expires_at: Timestamp,
  used_at: Nullable(Timestamp),
  node_id: Nullable(NodeId),
  node_hostname: Nullable(NodeHostname),
})
export type BootstrapToken = Static<typeof BootstrapToken>

/** `pending`: registered, but no call yet. `unreachable` after 3 missed heartbeats, `offline` after 10. */
export const NodeStatus = Type.Enum(['pending', 'online', 'unreachable', 'offline'])
export type NodeStatus = Static<typeof NodeStatus>

export const Node = Type.Object({
  id: NodeId,
  hostname: Type.String(),
  hostname_trouble: Type.String({
    description:
      'Why the node has to be renamed, for names that older versions took; empty for none',
  }),
  mesh_ip: MeshIp,
  mesh_range: Type.String({ description: 'The range of the mesh that its address lies in' }),
  public_key: Type.String(),
  key_changed_at: Timestamp,
  key_rotation_requested: Type.Boolean({
    description: 'Whether the node has yet to rotate its key',
  }),
  status: NodeStatus,
  connected: Type.Boolean({
    description: 'Whether an event stream is open, or was within the last 35 s',
  }),
  identity_in_use: Type.Union([IdentityInUse, Type.Null()], {
    description: 'Two machines speak as this node: one is a copy of the other',
  }),
  labels: mapOf(Type.String(), {
    description:
      'What operators and its token set; selectors of policies and secrets see these only',
  }),
  reported: mapOf(Type.String(), {
    description: 'What it said of itself; selectors of data may ask for it as `reported.KEY`',
  }),
  endpoint: Type.String(),
  nat_type: Type.String(),
  local_endpoints: Type.Array(Type.String(), { description: 'For peers in the same network' }),
  version: Type.String({ description: 'Of the binary, as the node announced it' }),
  binary: Nullable(NodeBinary, {
    description: 'Whether it runs a build that is known to be good; null if it has not said',
  }),
  upgrade: Nullable(UpgradeStatus, {
    description: 'How its last upgrade went, as its last heartbeat said',
  }),
  registered_at: Timestamp,
  last_seen_at: Nullable(Timestamp),
  clock_skew_seconds: Type.Number({ description: 'Positive when the clock of the node is ahead' }),
  revision: Type.String({ description: 'Of the desired state' }),
  fetched_revision: Type.String({ description: 'The newest the node has pulled' }),
  problems: Type.Array(Type.String(), {
    description:
      'What does not work on it, as its last heartbeat said: of a node that is away, of that time',
  }),
  problems_said_at: Nullable(Timestamp, {
    description: 'When it said these for the first time, and not others before',
  }),
  no_room: Type.Array(Type.String(), {
    description: 'What it is not told of, because it does not fit beside the rest',
  }),
})
export type Node = Static<typeof Node>

export const NodeDetail = Type.Interface([Node], {
  capabilities: Nullable(Capabilities),
  heartbeat: Nullable(Type.Unknown()),
  reports_left_out: Type.Optional(
    Type.Integer({ description: 'Entries of its last report batch that did not fit' }),
  ),
})
export type NodeDetail = Static<typeof NodeDetail>

/** Address ranges of a mesh. Nodes keep their addresses when a new range is added for new nodes. */
export const MeshRange = Type.Object({
  range: Ipv4Cidr,
  nodes: Count,
  capacity: Type.Integer({ description: 'How many nodes there is an address for' }),
  takes_new: Type.Boolean({
    description: 'Whether new nodes take from it before the others: the range that was added last',
  }),
  added_at: Timestamp,
})
export type MeshRange = Static<typeof MeshRange>

/** The change was made, but may not be what the operator meant. */
export const Warnings = Type.Object({ warnings: Type.Array(Type.String()) })

/** A rule, a data entry or a secret that applies to other nodes when the label changes. */
export const LabelUse = Type.Object({
  kind: Type.Enum(['policy', 'data', 'secret']),
  name: Type.String(),
  rule: Type.Optional(Type.Integer({ description: 'Of the policy, from 0' })),
  action: Type.Optional(RuleAction),
  selector: Type.String(),
  nodes: Type.Integer({ description: 'How many it would have no longer, or anew' }),
})
export type LabelUse = Static<typeof LabelUse>

/** A label from before labels and reported metadata were separate: it may have been set by an operator or claimed by the node. */
export const UnconfirmedLabel = Type.Object({
  key: Type.String(),
  nodes: Type.Integer({ description: 'How many have it' }),
  hostnames: Type.Array(Type.String(), { description: 'Of the first 100 of them' }),
  values: Type.Array(Type.String(), {
    description: 'The first 100 different ones, of each 100 characters',
  }),
  changes: Type.Array(LabelUse, {
    description: 'What would change if it were only reported; deny rules first',
  }),
})
export type UnconfirmedLabel = Static<typeof UnconfirmedLabel>

/** Exactly one of the two: the node, or every node that the label selector matches, now and later. */
export const Target = Type.Object({
  node_id: Type.Optional(NodeId),
  selector: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
})
export type Target = Static<typeof Target>

/** A target in an answer. */
export const NamedTarget = Type.Interface([Target], { node_hostname: Type.Optional(NodeHostname) })
export type NamedTarget = Static<typeof NamedTarget>

/** What a data entry and a secret have in common. */
const EntryHead = Type.Object({
  key: EntryKey,
  target: NamedTarget,
  version: WholeNumber,
  updated_at: Timestamp,
})

export const DataEntry = Type.Interface([EntryHead], {
  content_type: Type.String(),
  payload: Type.Unknown(),
})
export type DataEntry = Static<typeof DataEntry>

/** A secret without its value: no operation gives the value back to an operator. */
export const Secret = Type.Interface([EntryHead], {})
export type Secret = Static<typeof Secret>

/** Nodes accept the previous key beside the current one until it expires. */
export const SigningKey = Type.Object({
  id: Type.String(),
  public_key: Type.String(),
  state: Type.Enum(['current', 'previous', 'retired']),
  created_at: Timestamp,
  expires_at: Nullable(Timestamp),
})
export type SigningKey = Static<typeof SigningKey>

export const Artifact = Type.Object({
  version: Type.String(),
  os: Type.String(),
  arch: Type.String(),
  size: WholeNumber,
  checksum: Type.String({ description: '`sha256:` and hex' }),
  created_at: Timestamp,
  signature: Type.Union([Type.String(), Type.Null()], {
    description:
      'The Ed25519 signature of its release in base64, as uploaded in the header `x-plexd-signature`; nodes verify it',
  }),
})
export type Artifact = Static<typeof Artifact>

/** A build of plexd that was not uploaded, and that an operator vouches for. */
export const BuildName = Type.Object({
  version: Type.String({ minLength: 1, maxLength: 128 }),
  os: Type.String({ minLength: 1, maxLength: 128 }),
  arch: Type.String({ minLength: 1, maxLength: 128 }),
  checksum: Type.String({ minLength: 1, maxLength: 128, description: '`sha256:` and hex' }),
})

/** One, with who did. */
export const TrustedBuild = Type.Interface([BuildName], {
  trusted_by: Type.String({ description: 'The name of the operator' }),
  created_at: Timestamp,
})
export type TrustedBuild = Static<typeof TrustedBuild>

/** A file on a node that is not what it should be: found by the node, or its binary by the control plane. */
export const Violation = Type.Object({
  id: WholeNumber,
  node_id: NodeId,
  node_hostname: NodeHostname,
  received_at: Timestamp,
  record: IntegrityViolation,
})
export type Violation = Static<typeof Violation>

/** One line of the event tail of a node. The payload contains no secrets. */
export const EventRecord = Type.Object({
  id: Type.String({ description: 'The SSE id, `<epoch>-<sequence>`' }),
  event_id: Type.String(),
  event_type: Type.String(),
  node_id: NodeId,
  node_hostname: NodeHostname,
  created_at: Timestamp,
  payload_of: Type.Enum(['event', 'now'], {
    description:
      'Whether the payload is that of the event; of state the log keeps none, and this is what the node would be told now',
  }),
  payload: Type.Unknown(),
})
export type EventRecord = Static<typeof EventRecord>

/** A telemetry record as it was stored. */
export const TelemetryRecord = Type.Object({
  id: WholeNumber,
  node_id: NodeId,
  node_hostname: NodeHostname,
  received_at: Timestamp,
  record: Type.Unknown(),
})
export type TelemetryRecord = Static<typeof TelemetryRecord>

/** A page of a list, oldest or lowest first; `next` is the `after` of the next page, null on the last. */
export function pageOf<S extends Parameters<typeof Type.Array>[0]>(item: S) {
  return Type.Object({ items: Type.Array(item), next: Nullable(Type.String()) })
}
