import { type Static, Type } from 'typebox'
import { Count, Ipv4Cidr, Timestamp } from '../schemas/scalars.ts'

/** Address ranges of a mesh. Nodes keep their addresses when a new range is added for new nodes. */
export const MeshRange = Type.Object({
  range: Ipv4Cidr,
  nodes: Count,
  capacity: Type.Integer({ description: 'How many nodes there is an address for' }),
  takes_new: Type.Boolean({
    description: 'Whether new nodes take from it before the others: the range that was added last',
  }),
  added_at: Timestamp,
})
export type MeshRange = Static<typeof MeshRange>
