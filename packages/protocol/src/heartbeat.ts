import { type Static, Type } from 'typebox'
import { Count, Timestamp } from './scalars.ts'

/** Everything is optional and may be zero: Go nodes send it so. The path and the token identify the node. */
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
})
export type HeartbeatRequest = Static<typeof HeartbeatRequest>

export const HeartbeatResponse = Type.Object({
  reconcile: Type.Optional(Type.Boolean()),
  rotate_keys: Type.Optional(Type.Boolean()),
})
export type HeartbeatResponse = Static<typeof HeartbeatResponse>
