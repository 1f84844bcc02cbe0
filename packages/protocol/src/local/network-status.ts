import { type Static, Type } from 'typebox'
import { Endpoint, NatType, Timestamp } from '../schemas/scalars.ts'

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
