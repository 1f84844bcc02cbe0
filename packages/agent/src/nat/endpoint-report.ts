import {
  type Cidr,
  type EndpointReport,
  type EndpointResponse,
  isUsableEndpoint,
  type Peer,
} from '@plexd/protocol'
import type { DiscoveredEndpoint } from './discovery-rounds.ts'

/**
 * What the control plane is told of an endpoint. One that nobody can reach us at would be left out, and earlier control
 * planes refuse the whole report for it. Inside the mesh agents like this one reach us, who are the ones that are told of
 * local endpoints; others would send what they encrypt into the mesh. Pure.
 */
export function reportOf(
  { public_endpoint, nat_type, local_endpoints }: DiscoveredEndpoint,
  meshRanges: readonly Cidr[],
): EndpointReport {
  return {
    public_endpoint: isUsableEndpoint(public_endpoint, { meshRanges }) ? public_endpoint : '',
    nat_type,
    local_endpoints: local_endpoints.filter((endpoint) => isUsableEndpoint(endpoint)),
  }
}

/** Whether only servers are silent that have answered before: no sign that the endpoint is another. Pure. */
export function isSilence(own: DiscoveredEndpoint | undefined, found: DiscoveredEndpoint): boolean {
  return (
    found.public_endpoint === '' &&
    own !== undefined &&
    own.public_endpoint !== '' &&
    own.local_endpoints.join() === found.local_endpoints.join()
  )
}

/** The peers where an answer says that they are; the same list where nothing is new. Pure. */
export function withEndpoints(
  peers: readonly Peer[],
  { peer_endpoints }: Pick<EndpointResponse, 'peer_endpoints'>,
): readonly Peer[] {
  const byId = new Map(peer_endpoints.map(({ peer_id, endpoint }) => [peer_id, endpoint]))
  const isMoved = ({ id, endpoint }: Peer): boolean => (byId.get(id) ?? endpoint) !== endpoint
  if (!peers.some(isMoved)) return peers
  return peers.map((peer) => ({ ...peer, endpoint: byId.get(peer.id) ?? peer.endpoint }))
}
