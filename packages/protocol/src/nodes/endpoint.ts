import { type Static, Type } from 'typebox'
import { Endpoint, NatType, NodeId } from '../schemas/scalars.ts'

export const EndpointReport = Type.Object({
  public_endpoint: Endpoint,
  nat_type: Type.Optional(
    Type.String({
      maxLength: 64,
      examples: [...NatType.enum],
      description: 'One that is not known here is `unknown`',
    }),
  ),
  local_endpoints: Type.Optional(
    Type.Array(Endpoint, {
      maxItems: 8,
      description: 'Our extension: where peers in the same network reach the node',
    }),
  ),
})
export type EndpointReport = Static<typeof EndpointReport>

export const EndpointResponse = Type.Object({
  peer_endpoints: Type.Array(Type.Object({ peer_id: NodeId, endpoint: Endpoint })),
  left_out: Type.Optional(
    Type.Array(Type.String(), {
      description: 'Our extension: what of the report was not taken, and why; the rest was',
    }),
  ),
})
export type EndpointResponse = Static<typeof EndpointResponse>

/**
 * Our extension: the revision of the state that the node has. If it is the newest, an endpoint report is answered without
 * peers. A stream opened with it starts with a resync if the revision is from another history, and continues after it if
 * there is no `Last-Event-ID`.
 */
export const revisionHeader = 'plexd-revision'
