import { type Static, Type } from 'typebox'
import { UpgradeStatus } from '../nodes/upgrade.ts'
import { nullable, WholeNumber } from '../schemas/scalars.ts'
import { TelemetryStatus } from './telemetry-status.ts'

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
    addresses: Type.Optional(
      Type.Array(
        Type.Object({
          url: Type.String(),
          in_use: Type.Boolean(),
          last_error: Type.String({
            description: 'Why it gave no answer when it was asked last; empty if it gave one',
          }),
          failed_at: nullable(Type.String()),
        }),
        { description: 'All of them if there are several, the preferred one first' },
      ),
    ),
    stream: Type.Enum(['connected', 'connecting', 'polling', 'refused', 'stopped']),
    /** How often the event stream was opened since the start. */
    stream_connects: WholeNumber,
    last_event_id: Type.String(),
    last_heartbeat_at: nullable(Type.String()),
    last_reconcile_at: nullable(Type.String()),
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
  /** Absent until the node is registered. */
  telemetry: Type.Optional(Type.Array(TelemetryStatus)),
  needs_restart: Type.Optional(
    Type.Array(Type.String({ examples: ['mesh.listen_port'] }), {
      description: 'Settings that were changed and are in force with the next start only',
    }),
  ),
  /** Current problems, each with its remedy. Empty if there are none. */
  problems: Type.Array(Type.String()),
})

/** Of a node that holds nothing, or of which nobody knows. */
export const noCounts: Static<typeof DaemonStatus>['counts'] = {
  metadata: 0,
  data: 0,
  secrets: 0,
  reports: 0,
  reports_unsynced: 0,
  pending_results: 0,
}
