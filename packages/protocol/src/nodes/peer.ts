import { type Static, Type } from 'typebox'
import { Endpoint, Ipv4Cidr, Key32, MeshIp, NatType, NodeId } from '../schemas/scalars.ts'

const PeerState = Type.Enum(['online', 'unreachable'], {
  description: 'Our extension: whether the control plane hears from the peer',
})

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
  status: Type.Optional(PeerState),
  nat_type: Type.Optional(NatType),
  local_endpoints: Type.Optional(
    Type.Array(Endpoint, { description: 'Our extension: for peers in the same network' }),
  ),
})
export type Peer = Static<typeof Peer>

/** The part that is the same for every node that sees the peer. */
export const PublicPeer = Type.Omit(Peer, ['psk'])
export type PublicPeer = Static<typeof PublicPeer>

/** Fields that inform, and by which nothing is enforced, with the words in them that this version knows. */
const informing: readonly [keyof PublicPeer, ReadonlySet<string>][] = [
  ['status', new Set(PeerState.enum)],
  ['nat_type', new Set(NatType.enum)],
]

/**
 * A received peer without words that only a newer control plane knows: they are as if they had not been said, so that they cost a node
 * none of its peers. Of anything else than a peer, itself.
 */
export function withKnownWords<T>(received: T): T {
  if (typeof received !== 'object' || received === null) return received
  const said = received as Readonly<Record<string, unknown>>
  const strange = informing.filter(([name, words]) => {
    const word = said[name]
    return typeof word === 'string' && !words.has(word)
  })
  if (strange.length === 0) return received
  const names = strange.map(([name]) => name as string)
  return Object.fromEntries(Object.entries(said).filter(([name]) => !names.includes(name))) as T // both fields are optional
}
