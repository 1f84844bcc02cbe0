import { type Static, Type } from 'typebox'
import { Endpoint, Ipv4Cidr, Key32, MeshIp, NatType, NodeId } from '../schemas/scalars.ts'

/** Another node as one node sees it: what WireGuard needs to reach it. `psk` is the secret of this pair. */
export const Peer = Type.Object({
  id: NodeId,
  hostname: Type.Optional(
    Type.String({ description: 'Our extension: what people call it; nothing goes by it' }),
  ),
  public_key: Key32,
  mesh_ip: MeshIp,
  endpoint: Endpoint,
  allowed_ips: Type.Array(Ipv4Cidr),
  psk: Type.String({ description: '32 bytes in standard base64, or empty' }),
  status: Type.Optional(
    Type.Enum(['online', 'unreachable'], {
      description: 'Our extension: whether the control plane hears from the peer',
    }),
  ),
  nat_type: Type.Optional(NatType),
  local_endpoints: Type.Optional(
    Type.Array(Endpoint, { description: 'Our extension: for peers in the same network' }),
  ),
})
export type Peer = Static<typeof Peer>

/** The part that is the same for every node that sees the peer. */
export const PublicPeer = Type.Omit(Peer, ['psk'])
export type PublicPeer = Static<typeof PublicPeer>
