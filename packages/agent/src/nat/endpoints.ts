import { isDeepStrictEqual } from 'node:util'
import {
  type Cidr,
  type Client,
  type ControlApi,
  type EndpointReport,
  type EndpointResponse,
  isUsableEndpoint,
  type Peer,
  revisionHeader,
} from '@plexd/protocol'
import type { Mark } from '../disk/mark.ts'
import type { StateChanges } from '../events/state-changes.ts'
import type { Problems } from '../health/problems.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import { chooseEndpoint } from './choose-endpoint.ts'
import type { DiscoveredEndpoint } from './discovery-rounds.ts'
import type { Interfaces } from './local-addresses.ts'

/** The endpoints of this node and of its peers. */
export interface Endpoints {
  /** The last one reported, by this daemon or an earlier one; undefined before the first report. */
  own(): DiscoveredEndpoint | undefined
  /**
   * Stores this node's endpoint, reports it, and stores the endpoints of peers from the answer
   * (PUT /v1/nodes/{node_id}/endpoint). If it rejects, `own` returns the new endpoint all the same. Resolves to whether this node or
   * a peer is elsewhere than at the last report; of the first report that is not known, so it is true.
   */
  report(found: DiscoveredEndpoint, to: EndpointReceiver): Promise<boolean>
  /** The peers, each with the endpoint that is best from here. */
  placed(peers: readonly Peer[], interfaces: Interfaces): readonly Peer[]
}

export interface EndpointReceiver {
  client: Pick<Client<ControlApi>, 'putEndpoint'>
  nodeId: string
  changes: Pick<StateChanges, 'watch'>
}

export interface EndpointsDeps {
  /** Stores our own endpoint on disk. */
  mark: Mark
  desired: DesiredStore
  meshRanges(): readonly Cidr[]
  problems: Problems
}

export function createEndpoints({ mark, desired, meshRanges, problems }: EndpointsDeps): Endpoints {
  const saved = mark.read()
  let own: DiscoveredEndpoint | undefined = saved === undefined ? undefined : JSON.parse(saved)
  let told: DiscoveredEndpoint | undefined

  async function exchange(
    found: DiscoveredEndpoint,
    { client, nodeId, changes }: EndpointReceiver,
  ): Promise<void> {
    using watch = changes.watch()
    const { revision } = desired.current()
    const { body } = await client.putEndpoint({
      params: { node_id: nodeId },
      headers: revision === '' ? {} : { [revisionHeader]: revision },
      body: reportOf(found, meshRanges()),
    })
    // The control plane may have rules that this build does not know.
    const leftOut = (body.left_out ?? []).join('; ')
    problems.set(
      'endpoints',
      leftOut === '' ? undefined : `the control plane has not taken ${leftOut}`,
    )
    // An event that came meanwhile may be newer than the answer.
    if (watch.hasFolded()) return
    const now = desired.current()
    const peers = withEndpoints(now.peers, body)
    if (peers !== now.peers) await desired.replace({ ...now, peers })
  }

  return {
    own: () => own,
    async report(found, to) {
      const { peers } = desired.current()
      own = found
      mark.write(JSON.stringify(found))
      await exchange(found, to)
      const isMoved = told === undefined || !isSamePlace(told, found)
      told = found
      return isMoved || desired.current().peers !== peers
    },
    placed(peers, interfaces) {
      const standpoint = { own, interfaces, meshRanges: meshRanges() }
      // The same object if nothing changes, which is nearly always the case; there may be thousands.
      return peers.map((peer) => {
        const endpoint = chooseEndpoint(peer, standpoint)
        return endpoint === peer.endpoint ? peer : { ...peer, endpoint }
      })
    },
  }
}

function isSamePlace(one: DiscoveredEndpoint, other: DiscoveredEndpoint): boolean {
  return (
    one.public_endpoint === other.public_endpoint &&
    one.nat_type === other.nat_type &&
    isDeepStrictEqual(one.local_endpoints, other.local_endpoints)
  )
}

/**
 * The report of an endpoint, without endpoints at which nobody can reach us: earlier control planes refuse the whole
 * report for one. A local endpoint may be inside the mesh ranges, because only agents that can use it learn of it. Pure.
 */
function reportOf(
  { public_endpoint, nat_type, local_endpoints }: DiscoveredEndpoint,
  meshRanges: readonly Cidr[],
): EndpointReport {
  return {
    public_endpoint: isUsableEndpoint(public_endpoint, { meshRanges }) ? public_endpoint : '',
    nat_type,
    local_endpoints: local_endpoints.filter((endpoint) => isUsableEndpoint(endpoint)),
  }
}

/** The peers with the endpoints of an answer; the same list if none differs. Pure. */
function withEndpoints(
  peers: readonly Peer[],
  { peer_endpoints }: Pick<EndpointResponse, 'peer_endpoints'>,
): readonly Peer[] {
  const byId = new Map(peer_endpoints.map(({ peer_id, endpoint }) => [peer_id, endpoint]))
  const isMoved = ({ id, endpoint }: Peer): boolean => (byId.get(id) ?? endpoint) !== endpoint
  if (!peers.some(isMoved)) return peers
  return peers.map((peer) => ({ ...peer, endpoint: byId.get(peer.id) ?? peer.endpoint }))
}
