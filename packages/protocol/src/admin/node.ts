import { type Static, Type } from 'typebox'
import { NodeBinary } from '../nodes/binary.ts'
import { Capabilities } from '../nodes/capabilities.ts'
import { IdentityInUse } from '../nodes/heartbeat.ts'
import { UpgradeStatus } from '../nodes/upgrade.ts'
import { MeshIp, mapOf, NodeId, nullable, Timestamp } from '../schemas/scalars.ts'

/** Shown beside a node id; for a removed node, its last hostname. */
export const NodeHostname = Type.String({ description: 'What the node is called' })

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
  identity_in_use: nullable(IdentityInUse, {
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
  version_trouble: Type.Optional(
    Type.String({
      description:
        'Why this control plane does not serve that version, and what to do; absent if it does',
    }),
  ),
  binary: nullable(NodeBinary, {
    description: 'Whether it runs a build that is known to be good; null if it has not said',
  }),
  upgrade: nullable(UpgradeStatus, {
    description: 'How its last upgrade went, as its last heartbeat said',
  }),
  registered_at: Timestamp,
  last_seen_at: nullable(Timestamp),
  clock_skew_seconds: Type.Number({ description: 'Positive when the clock of the node is ahead' }),
  revision: Type.String({ description: 'Of the desired state' }),
  fetched_revision: Type.String({ description: 'The newest the node has pulled' }),
  problems: Type.Array(Type.String(), {
    description:
      'What does not work on it, as its last heartbeat said: of a node that is away, of that time',
  }),
  problems_said_at: nullable(Timestamp, {
    description: 'When it said these for the first time, and not others before',
  }),
  no_room: Type.Array(Type.String(), {
    description: 'What it is not told of, because it does not fit beside the rest',
  }),
})
export type Node = Static<typeof Node>

export const NodeDetail = Type.Interface([Node], {
  capabilities: nullable(Capabilities),
  heartbeat: nullable(Type.Unknown()),
  reports_left_out: Type.Optional(
    Type.Integer({ description: 'Entries of its last report batch that did not fit' }),
  ),
})
export type NodeDetail = Static<typeof NodeDetail>
