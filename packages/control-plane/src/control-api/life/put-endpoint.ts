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
  revisionHeader,
} from '@plexd/protocol'
import type { App } from '../../app.ts'
import { changeNode } from '../../changes/announce.ts'
import { handle } from '../../handle.ts'
import type { NodeRecord } from '../../mesh/fleet.ts'
import { shownPeers } from '../../mesh/peer-view.ts'
import { putNode } from '../../rows/fleet/nodes.ts'
import { seqOfEnough } from '../state/enough.ts'

/**
 * Peers hear of an endpoint only when it is another one: nodes report theirs every minute. One that changes without
 * pause is known at once to all who ask, and told at its turn.
 */
export const putEndpoint = handle(controlApi.putEndpoint, async (call, app) => {
  const { principal, headers, request } = call
  const rules = rulesFor(app, principal)
  const { body, left_out } = usable(call.body, rules)
  noteLeftOut(app, principal, left_out)
  const local_endpoints = body.local_endpoints ?? principal.local_endpoints
  const reported: Whereabouts = {
    endpoint: body.public_endpoint || seenEndpoint(request.ip, local_endpoints, rules),
    nat_type: body.nat_type ?? principal.nat_type,
    local_endpoints,
  }
  if (!isSame(whereaboutsOf(principal), reported)) await store(app, principal, reported)
  const node = app.fleet.node(principal.id)
  if (!node) throw new ApiError('unauthorized', 'unauthorized')
  // Who has all that there is knows where its peers are, and says so every minute: for that no list is made.
  const revisions = [headers[revisionHeader] ?? []].flat()
  const told = left_out.length === 0 ? {} : { left_out }
  if (seqOfEnough(app, node.no, revisions) !== undefined) return { peer_endpoints: [], ...told }
  return {
    ...told,
    peer_endpoints: shownPeers(app.fleet.mesh(node.tenant_id), node)
      .filter((peer) => peer.endpoint !== '')
      .map((peer) => ({ peer_id: peer.id, endpoint: peer.endpoint })),
  }
})

type Whereabouts = Pick<NodeRecord, 'endpoint' | 'nat_type' | 'local_endpoints'>

function whereaboutsOf({ endpoint, nat_type, local_endpoints }: NodeRecord): Whereabouts {
  return { endpoint, nat_type, local_endpoints }
}

async function store(app: App, { id, no }: NodeRecord, reported: Whereabouts): Promise<void> {
  const isTold = await app.change(async (unit) => {
    const node = unit.fleet.node(id)
    if (!node) throw new ApiError('unauthorized', 'unauthorized')
    const after = { ...node, ...reported }
    const hasTurn = app.moves.take(no)
    if (hasTurn) await changeNode(unit, after, { endpoint_untold: false })
    else await putNode(unit, after, { endpoint_untold: true })
    return hasTurn
  })
  if (isTold) app.moves.told(no)
  else app.moves.wait(no)
}

/**
 * Where a node is that no STUN server answers: it has itself the address that its requests come from, so no NAT stands
 * between. Empty where one does, for then nobody knows which port it gives to WireGuard.
 */
function seenEndpoint(
  from: string,
  localEndpoints: readonly string[],
  rules: EndpointRules,
): string {
  const address = from.replace(/^::ffff:(?=\d+\.)/, '')
  const host = isIP(address) === 6 ? `[${address}]` : address
  const seen = localEndpoints.find((endpoint) => endpoint.startsWith(`${host}:`))
  return seen !== undefined && isUsableEndpoint(seen, rules) ? seen : ''
}

function rulesFor(app: App, { tenant_id }: NodeRecord): EndpointRules {
  return {
    meshRanges: app.fleet.mesh(tenant_id).ranges,
    // Then all nodes are on this machine, and on loopback is where they are.
    loopback: isLoopback(new URL(app.publicUrl()).hostname),
  }
}

/**
 * The report without the endpoints that no peer can reach. Each is judged by itself: an agent that knows fewer rules than
 * we do must not lose all that it says for one of them.
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
  // Those are read by agents that send nothing of WireGuard into the mesh: they may lie in its ranges.
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

/** Agents of before do not read what they are told of it. Logged once, as they report every minute. */
function noteLeftOut(
  { notes: { endpointsLeftOut }, log }: App,
  { id, hostname }: NodeRecord,
  left_out: readonly string[],
): void {
  const text = left_out.join('; ')
  if ((endpointsLeftOut.of(id) ?? '') === text) return
  endpointsLeftOut.put(id, text === '' ? undefined : text)
  if (text !== '') log.warn('endpoints of a node are left out', { node_id: id, hostname, left_out })
}
