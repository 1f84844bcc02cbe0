import { type Static, Type } from 'typebox'
import { Count, NodeId } from '../schemas/scalars.ts'
import { NodeHostname } from './node.ts'

/** How far nodes have come to where the control plane says it will be. */
export const MoveStatus = Type.Object({
  urls: Type.Array(Type.String(), {
    description: 'Where it will be, the best first; empty for no move',
  }),
  url: Type.String({ description: 'Where it is now' }),
  nodes: Count,
  told_count: Type.Integer({ minimum: 0, description: 'Nodes that know of it' }),
  there_count: Type.Integer({ minimum: 0, description: 'Nodes that are there' }),
  behind: Type.Array(
    Type.Object({ node_id: NodeId, hostname: NodeHostname, reason: Type.String() }),
    { description: 'Nodes that do not know of it, or will not follow; a hundred at most' },
  ),
  behind_count: Count,
})
export type MoveStatus = Static<typeof MoveStatus>
