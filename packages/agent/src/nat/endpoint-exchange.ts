import {
  type Cidr,
  type Client,
  type ControlApi,
  isUsableEndpoint,
  type Peer,
  revisionHeader,
} from '@plexd/protocol'
import type { StateChanges } from '../events/state-changes.ts'
import type { Problems } from '../health/problems.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import type { DiscoveredEndpoint } from './rounds.ts'

export interface EndpointExchangeDeps {
  client: Pick<Client<ControlApi>, 'putEndpoint'>
  nodeId: string
  desired: DesiredStore
  /** All addresses of the mesh. */
  meshRanges(): readonly Cidr[]
  changes: Pick<StateChanges, 'watch'>
  problems: Problems
}

/**
 * Tells the control plane where this node is, and takes from the answer where its peers are (seed, PUT
 * /v1/nodes/{node_id}/endpoint). An answer that an event has overtaken may be older than the event: it is left alone.
 */
export function createEndpointExchange({
  client,
  nodeId,
  desired,
  meshRanges,
  changes,
  problems,
}: EndpointExchangeDeps) {
  /**
   * One that nobody can reach us at would be left out, and earlier control planes refuse the whole report for it. Inside the mesh agents like this one reach
   * us, who are the ones that are told of local endpoints; others would send what they encrypt into the mesh.
   */
  const isPublic = (endpoint: string): boolean =>
    isUsableEndpoint(endpoint, { meshRanges: meshRanges() })
  const isLocal = (endpoint: string): boolean => isUsableEndpoint(endpoint)

  return async (found: DiscoveredEndpoint): Promise<void> => {
    using watch = changes.watch()
    const { public_endpoint, nat_type, local_endpoints } = found
    const { revision } = desired.current()
    const { body } = await client.putEndpoint({
      params: { node_id: nodeId },
      headers: revision === '' ? {} : { [revisionHeader]: revision },
      body: {
        public_endpoint: isPublic(public_endpoint) ? public_endpoint : '',
        nat_type,
        local_endpoints: local_endpoints.filter(isLocal),
      },
    })
    showLeftOut(problems, body.left_out ?? [])
    if (watch.hasFolded()) return
    const now = desired.current()
    const peers = withEndpoints(now.peers, body.peer_endpoints)
    if (peers !== now.peers) await desired.replace({ ...now, peers })
  }
}

/** The control plane may have rules that this build does not know. */
function showLeftOut(problems: Problems, leftOut: readonly string[]): void {
  if (leftOut.length === 0) problems.clear('endpoints')
  else problems.set('endpoints', `the control plane has not taken ${leftOut.join('; ')}`)
}

/** The same list where nothing is new. */
function withEndpoints(
  peers: readonly Peer[],
  endpoints: readonly { peer_id: string; endpoint: string }[],
): readonly Peer[] {
  const byId = new Map(endpoints.map(({ peer_id, endpoint }) => [peer_id, endpoint]))
  const isMoved = ({ id, endpoint }: Peer): boolean => (byId.get(id) ?? endpoint) !== endpoint
  if (!peers.some(isMoved)) return peers
  return peers.map((peer) => ({ ...peer, endpoint: byId.get(peer.id) ?? peer.endpoint }))
}
