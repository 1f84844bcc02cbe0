import { type Static, Type } from 'typebox'
import { Count, NodeId, nullable, Timestamp } from '../../schemas/scalars.ts'
import { NodeHostname } from '../node.ts'

/** One that signs, or signed, the server's certificate. Nodes trust all but the retired ones. */
export const Authority = Type.Object({
  fingerprint: Type.String({ description: '`sha256:` and hex, as in join strings' }),
  state: Type.Enum(['next', 'current', 'previous'], {
    description: 'The current one signs the certificate that is served, unless none has an effect',
  }),
  expires_at: Timestamp,
  certificate: Type.String({ description: 'In PEM' }),
})
export type Authority = Static<typeof Authority>

const NodeWithReason = Type.Object({
  node_id: NodeId,
  hostname: NodeHostname,
  reason: Type.String(),
})

/** What earlier versions do not say. */
const ahead = {
  ahead: Type.Optional(
    Type.Array(NodeWithReason, {
      description:
        'Nodes that heed a later announcement than the last one, as after a restore of an older backup; a hundred at most',
    }),
  ),
  ahead_count: Type.Optional(Count),
}

/** How far the replacement of the authority has come. */
export const AuthorityStatus = Type.Object({
  stage: Type.Enum(['settled', 'prepared', 'activated'], {
    description:
      '`settled`: there is one. `prepared`: nodes are told of the next. `activated`: it signs, and the previous one is trusted still',
  }),
  authorities: Type.Array(Authority),
  nodes: Count,
  behind: Type.Array(NodeWithReason, {
    description: 'Nodes that have not said that they trust the newest authority; a hundred at most',
  }),
  behind_count: Count,
  ...ahead,
  joins: Type.Array(
    Type.Object({
      token_id: Type.String(),
      hostname: nullable(Type.String()),
      expires_at: Timestamp,
    }),
    { description: 'Tokens whose join strings may name the previous authority; a hundred at most' },
  ),
  elsewhere: Type.Optional(
    Type.Object(
      { behind_count: Count, joins_count: Count },
      {
        description:
          'How many nodes and tokens of other tenants stand against the next step; for the tenant that the installation began with, if there are any',
      },
    ),
  ),
  /** The next command; empty for none. */
  next_step: Type.String(),
  no_effect: Type.Optional(
    Type.String({
      description:
        'Why none of this has an effect: the certificate is not of an authority of the control plane itself. Absent if it is',
    }),
  ),
})
export type AuthorityStatus = Static<typeof AuthorityStatus>

/** How far nodes have come to where the control plane says it will be. */
export const MoveStatus = Type.Object({
  urls: Type.Array(Type.String(), {
    description: 'Where it will be, the best first; empty for no move',
  }),
  url: Type.String({ description: 'Where it is now' }),
  nodes: Count,
  told_count: Type.Integer({ minimum: 0, description: 'Nodes that know of it' }),
  there_count: Type.Integer({ minimum: 0, description: 'Nodes that are there' }),
  behind: Type.Array(NodeWithReason, {
    description: 'Nodes that do not know of it, or will not follow; a hundred at most',
  }),
  behind_count: Count,
  ...ahead,
})
export type MoveStatus = Static<typeof MoveStatus>
