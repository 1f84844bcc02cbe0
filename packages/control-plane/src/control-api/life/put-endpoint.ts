import { isIP } from 'node:net'
import { isDeepStrictEqual as isSame } from 'node:util'
import {
  ApiError,
  controlApi,
  type EndpointReport,
  type EndpointRules,
  endpointFault,
  isLoopback,
  isUsableEndpoint,
  knownNatType,
  revisionHeader,
} from '@plexd/protocol'
import type { Delivery, Environment, NodeMemory, State } from '../../app.ts'
import { changeNode } from '../../changes/nodes.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import { shownPeers } from '../../mesh/peer-view.ts'
import { putNode } from '../../rows/fleet/nodes.ts'
import { upToDateSeq } from '../state/up-to-date.ts'

/**
 * Peers are only notified of an endpoint that differs, because nodes report theirs every minute. An endpoint that keeps
 * changing is visible in pulled states at once, but announced at a limited rate.
 */
export const putEndpoint = handle(
  controlApi.putEndpoint,
  async (call, app: State & Delivery & NodeMemory & Environment) => {
    const { principal, headers, request } = call
    const rules = rulesFor(app, principal)
    const { body, left_out } = usable(call.body, rules)
    noteLeftOut(app, principal, left_out)
    const local_endpoints = body.local_endpoints ?? principal.local_endpoints
    const reported: Whereabouts = {
      endpoint:
        body.public_endpoint || seenEndpoint(app.addressOf(request.raw), local_endpoints, rules),
      nat_type: body.nat_type === undefined ? principal.nat_type : knownNatType(body.nat_type),
      local_endpoints,
    }
    if (!isSame(whereaboutsOf(principal), reported)) await store(app, principal, reported)
    const node = app.fleet.node(principal.id)
    if (!node) throw new ApiError('unauthorized', 'unauthorized')
    // An up-to-date node knows its peers' endpoints. It reports every minute, so building a peer list each time would be waste.
    const revisions = [headers[revisionHeader] ?? []].flat()
    const told = left_out.length === 0 ? {} : { left_out }
    if (upToDateSeq(app, node.no, revisions) !== undefined) return { peer_endpoints: [], ...told }
    return {
      ...told,
      peer_endpoints: shownPeers(app.fleet.mesh(node.tenant_id), node)
        .filter((peer) => peer.endpoint !== '')
        .map((peer) => ({ peer_id: peer.id, endpoint: peer.endpoint })),
    }
  },
)

type Whereabouts = Pick<NodeRecord, 'endpoint' | 'nat_type' | 'local_endpoints'>

function whereaboutsOf({ endpoint, nat_type, local_endpoints }: NodeRecord): Whereabouts {
  return { endpoint, nat_type, local_endpoints }
}

async function store(
  app: State & NodeMemory,
  { id, no }: NodeRecord,
  reported: Whereabouts,
): Promise<void> {
  await app.change(async (unit) => {
    const node = unit.fleet.node(id)
    if (!node) throw new ApiError('unauthorized', 'unauthorized')
    const hasTurn = app.moves.take(no)
    const after = { ...node, ...reported, endpoint_untold: !hasTurn }
    await (hasTurn ? changeNode(unit, after) : putNode(unit, after))
  })
}

/**
 * The endpoint of a node without an answer from a STUN server: if the source address of its request is one of its own
 * addresses, there is no NAT in between. Empty if there is one, because its port for WireGuard is unknown.
 */
function seenEndpoint(
  from: string,
  localEndpoints: readonly string[],
  rules: EndpointRules,
): string {
  const host = isIP(from) === 6 ? `[${from}]` : from
  const seen = localEndpoints.find((endpoint) => endpoint.startsWith(`${host}:`))
  return seen !== undefined && isUsableEndpoint(seen, rules) ? seen : ''
}

function rulesFor(app: State & Environment, { tenant_id }: NodeRecord): EndpointRules {
  return {
    meshRanges: app.fleet.mesh(tenant_id).ranges,
    // Then all nodes are on this machine and reach each other over loopback.
    loopback: isLoopback(new URL(app.publicUrl()).hostname),
  }
}

/**
 * The report without unusable endpoints. Each is checked separately: an agent that knows fewer rules than
 * we do must not lose its whole report because of one of them.
 */
function usable(
  body: EndpointReport,
  rules: EndpointRules,
): { body: EndpointReport; left_out: string[] } {
  const left_out: string[] = []
  const isTaken = (field: string, text: string, by: EndpointRules): boolean => {
    const fault = endpointFault(text, by)
    if (fault !== undefined) left_out.push(describeFault(field, text, fault))
    return fault === undefined
  }
  const { public_endpoint: named, local_endpoints, ...rest } = body
  const public_endpoint = named === '' || isTaken('public_endpoint', named, rules) ? named : ''
  // Local endpoints are used only by agents that never route WireGuard's packets into the mesh, so they may be inside its ranges.
  const localRules = { ...rules, meshRanges: undefined }
  const near = local_endpoints?.filter((text, index) =>
    isTaken(`local_endpoints[${index}]`, text, localRules),
  )
  return { body: { ...rest, public_endpoint, ...(near && { local_endpoints: near }) }, left_out }
}

function describeFault(field: string, text: string, fault: string): string {
  const quoted = JSON.stringify(text.slice(0, 64))
  return `${field} ${quoted}: ${fault}: want an address and a port where peers reach the node`
}

/** Older agents ignore this in the answer. Logged once, because they report every minute. */
function noteLeftOut(
  { notes: { endpointsLeftOut }, log }: NodeMemory & Environment,
  { id, hostname }: NodeRecord,
  left_out: readonly string[],
): void {
  const text = left_out.join('; ')
  if ((endpointsLeftOut.of(id) ?? '') === text) return
  endpointsLeftOut.put(id, text === '' ? undefined : text)
  if (text !== '') log.warn('endpoints of a node are left out', { node_id: id, hostname, left_out })
}
