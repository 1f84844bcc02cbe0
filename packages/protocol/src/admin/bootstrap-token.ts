import { type Static, Type } from 'typebox'
import { Metadata, NodeId, nullable, Timestamp } from '../schemas/scalars.ts'
import { NodeHostname } from './node.ts'

/** A one-time token, with which a node registers. */
export const BootstrapToken = Type.Object({
  id: Type.String({ examples: ['tok_k3v9'] }),
  hostname: nullable(Type.String()),
  metadata: Metadata,
  node_may_set: Type.Array(Type.String(), {
    description: 'Keys that the node may choose: they become labels when it registers with them',
  }),
  nsk_format: nullable(Type.Enum(['base64', 'raw32'])),
  created_at: Timestamp,
  expires_at: Timestamp,
  used_at: nullable(Timestamp),
  node_id: nullable(NodeId),
  node_hostname: nullable(NodeHostname),
})
export type BootstrapToken = Static<typeof BootstrapToken>
