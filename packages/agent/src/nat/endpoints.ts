import { type Cidr, type Client, type ControlApi, type Peer, revisionHeader } from '@plexd/protocol'
import type { Mark } from '../disk/mark.ts'
import type { StateChanges } from '../events/state-changes.ts'
import type { Problems } from '../health/problems.ts'
import type { DesiredStore } from '../state/desired-state.ts'
import { chooseEndpoint } from './choose-endpoint.ts'
import type { DiscoveredEndpoint } from './discovery-rounds.ts'
import { reportOf, withEndpoints } from './endpoint-report.ts'
import type { Interfaces } from './local-addresses.ts'

/** Where this node and its peers are: what was measured, what the control plane was told, what it answered. */
export interface Endpoints {
  /**
   * What was reported last, by this daemon or by an earlier one: one that starts again need not guess what its NAT is.
   * Undefined before the first report.
   */
  own(): DiscoveredEndpoint | undefined
  /**
   * Remembers where this node was found to be, tells the control plane, and takes from the answer where its peers are
   * (seed, PUT /v1/nodes/{node_id}/endpoint). What was found holds also when this rejects, because the disk or the
   * control plane does not take it.
   */
  report(found: DiscoveredEndpoint, to: EndpointReceiver): Promise<void>
  /** The peers, each with the endpoint that is best from here. */
  placed(peers: readonly Peer[], interfaces: Interfaces): readonly Peer[]
}

/** Who is told, and who says whether an event has overtaken the answer. */
export interface EndpointReceiver {
  client: Pick<Client<ControlApi>, 'putEndpoint'>
  nodeId: string
  changes: Pick<StateChanges, 'watch'>
}

export interface EndpointsDeps {
  /** Where it outlives the daemon. */
  mark: Mark
  desired: DesiredStore
  /** All addresses of the mesh. */
  meshRanges(): readonly Cidr[]
  problems: Problems
}

export function createEndpoints({ mark, desired, meshRanges, problems }: EndpointsDeps): Endpoints {
  const saved = mark.read()
  let own: DiscoveredEndpoint | undefined = saved === undefined ? undefined : JSON.parse(saved)

  /** An answer that an event has overtaken may be older than the event: it is left alone. */
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
    if (watch.hasFolded()) return
    const now = desired.current()
    const peers = withEndpoints(now.peers, body)
    if (peers !== now.peers) await desired.replace({ ...now, peers })
  }

  return {
    own: () => own,
    async report(found, to) {
      own = found
      mark.write(JSON.stringify(found))
      await exchange(found, to)
    },
    placed(peers, interfaces) {
      const standpoint = { own, interfaces, meshRanges: meshRanges() }
      // Each peer itself where there is nothing to change: that is nearly always so, and there may be thousands.
      return peers.map((peer) => {
        const endpoint = chooseEndpoint(peer, standpoint)
        return endpoint === peer.endpoint ? peer : { ...peer, endpoint }
      })
    },
  }
}
