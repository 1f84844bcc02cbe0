import { type Static, Type } from 'typebox'
import {
  Ipv4Cidr,
  Key32,
  MeshIp,
  NodeId,
  nullable,
  Timestamp,
  WholeNumber,
} from '../schemas/scalars.ts'

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
  last_handshake_at: nullable(Timestamp),
  rx_bytes: WholeNumber,
  tx_bytes: WholeNumber,
  keepalive_seconds: WholeNumber,
})
export type PeerStatus = Static<typeof PeerStatus>
