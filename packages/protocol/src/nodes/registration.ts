import { type Static, Type } from 'typebox'
import { Ipv4Cidr, Key32, MeshIp, MeshRanges, Metadata, NodeId } from '../schemas/scalars.ts'
import { Capabilities } from './capabilities.ts'
import { Peer } from './peer.ts'

export const RegisterRequest = Type.Object({
  token: Type.String({ minLength: 1, maxLength: 512, writeOnly: true }),
  public_key: Key32,
  hostname: Type.String({ minLength: 1, maxLength: 253 }),
  hostname_chosen: Type.Optional(
    Type.Boolean({
      description:
        'Our extension: somebody chose the hostname for this node, so that a token for another one is refused',
    }),
  ),
  metadata: Type.Optional(Type.Union([Metadata, Type.Null()])),
  capabilities: Type.Optional(Type.Union([Capabilities, Type.Null()])),
})
export type RegisterRequest = Static<typeof RegisterRequest>

/**
 * The specification's five fields and our extensions: `node_token`, the bearer token of every later call; the hostname,
 * which the bootstrap token may have set; and the ranges of the mesh.
 */
export const RegisterResponse = Type.Object({
  node_id: NodeId,
  mesh_ip: MeshIp,
  signing_public_key: Key32,
  node_secret_key: Type.String({
    description: 'AES-256 key: 32 bytes in base64, or 32 characters used as they are (Go nodes)',
  }),
  peers: Type.Array(Peer),
  node_token: Type.Optional(Type.String()),
  hostname: Type.Optional(Type.String()),
  /** The range of `mesh_ip`: the only one that older agents know. */
  mesh_range: Type.Optional(Ipv4Cidr),
  mesh_ranges: Type.Optional(MeshRanges),
})
export type RegisterResponse = Static<typeof RegisterResponse>

export const RotateKeysRequest = Type.Object({ node_id: NodeId, new_public_key: Key32 })

/**
 * `node_secret_key` and `node_token` are present if they were rotated too: the old ones are accepted until one of
 * the new ones is used.
 */
export const RotateKeysResponse = Type.Object({
  updated_peers: Type.Array(Peer),
  node_secret_key: Type.Optional(Type.String()),
  node_token: Type.Optional(Type.String()),
})
export type RotateKeysResponse = Static<typeof RotateKeysResponse>
