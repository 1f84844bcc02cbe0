import { type Static, Type } from 'typebox'
import { Endpoint, NatType, NodeId } from './scalars.ts'

export const EndpointReport = Type.Object({
  public_endpoint: Endpoint,
  nat_type: Type.Optional(NatType),
})
export type EndpointReport = Static<typeof EndpointReport>

export const EndpointResponse = Type.Object({
  peer_endpoints: Type.Array(Type.Object({ peer_id: NodeId, endpoint: Endpoint })),
})
export type EndpointResponse = Static<typeof EndpointResponse>
