import { type Static, Type } from 'typebox'
import { Count, Timestamp } from '../schemas/scalars.ts'
import { Heeded } from './announcement.ts'
import { UpgradeReport } from './upgrade.ts'

/** Every field is optional and may be zero, as Go nodes send them. The path and the token identify the node. */
export const HeartbeatRequest = Type.Object({
  node_id: Type.Optional(Type.String()),
  timestamp: Type.Optional(Timestamp),
  status: Type.Optional(Type.String({ examples: ['healthy', 'degraded'] })),
  uptime: Type.Optional(Type.String({ examples: ['72h15m0s'] })),
  binary_checksum: Type.Optional(Type.String()),
  mesh: Type.Optional(
    Type.Object({
      interface: Type.Optional(Type.String()),
      peer_count: Type.Optional(Count),
      listen_port: Type.Optional(Count),
    }),
  ),
  nat: Type.Optional(
    Type.Object({
      public_endpoint: Type.Optional(Type.String()),
      type: Type.Optional(Type.String()),
    }),
  ),
  bridge: Type.Optional(Type.Unknown()),
  user_access: Type.Optional(Type.Unknown()),
  ingress: Type.Optional(Type.Unknown()),
  site_to_site: Type.Optional(Type.Unknown()),
  // Our extensions: the problems that `plexd status` lists, the running version, how it came to be that, and what was made of announcements.
  problems: Type.Optional(Type.Array(Type.String())),
  version: Type.Optional(Type.String()),
  upgrade: Type.Optional(UpgradeReport),
  heeded: Type.Optional(Heeded),
})
export type HeartbeatRequest = Static<typeof HeartbeatRequest>

/**
 * Our extension: a header with a random id of this start of the agent. It distinguishes two machines with one identity
 * from a single one that restarted.
 */
export const instanceHeader = 'plexd-instance'

/** Two machines are using this node's identity. */
export const IdentityInUse = Type.Object({
  /** When it was first noticed. */
  since: Timestamp,
  addresses: Type.Array(Type.String(), { description: 'Where the requests of the two come from' }),
})
export type IdentityInUse = Static<typeof IdentityInUse>

export const HeartbeatResponse = Type.Object({
  reconcile: Type.Optional(Type.Boolean()),
  rotate_keys: Type.Optional(Type.Boolean()),
  identity_in_use: Type.Optional(IdentityInUse),
  stun_servers: Type.Optional(
    Type.Array(Type.String({ maxLength: 300 }), {
      maxItems: 16,
      description: 'Our extension: HOST:PORT of STUN servers to ask, the best first',
    }),
  ),
})
export type HeartbeatResponse = Static<typeof HeartbeatResponse>
