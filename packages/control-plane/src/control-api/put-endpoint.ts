import { isIP } from 'node:net'
import { isDeepStrictEqual as isSame } from 'node:util'
import { ApiError, controlApi, revisionHeader } from '@plexd/protocol'
import { changeNode } from '../announce.ts'
import type { App } from '../app.ts'
import { handle } from '../handle.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { shownPeers } from '../mesh/peer-view.ts'
import { seqOfEnough } from './enough.ts'

/** Peers hear of an endpoint only when it is another one: nodes report theirs every minute. */
export const putEndpoint = handle(controlApi.putEndpoint, async (call, app) => {
  const { principal, body, headers, request } = call
  const local_endpoints =
    body.local_endpoints?.map((text, index) => checkedEndpoint(`local_endpoints/${index}`, text)) ??
    principal.local_endpoints
  const found = checkedEndpoint('public_endpoint', body.public_endpoint)
  const reported: Whereabouts = {
    endpoint: found || seenEndpoint(request.ip, local_endpoints),
    nat_type: body.nat_type ?? principal.nat_type,
    local_endpoints,
  }
  if (!isSame(whereaboutsOf(principal), reported)) await store(app, principal.id, reported)
  const node = app.fleet.node(principal.id)
  if (!node) throw new ApiError('unauthorized', 'unauthorized')
  // Who has all that there is knows where its peers are, and says so every minute: for that no list is made.
  const revisions = [headers[revisionHeader] ?? []].flat()
  if (seqOfEnough(app, node.no, revisions) !== undefined) return { peer_endpoints: [] }
  return {
    peer_endpoints: shownPeers(app.fleet.mesh(node.tenant_id), node)
      .filter((peer) => peer.endpoint !== '')
      .map((peer) => ({ peer_id: peer.id, endpoint: peer.endpoint })),
  }
})

type Whereabouts = Pick<NodeRecord, 'endpoint' | 'nat_type' | 'local_endpoints'>

function whereaboutsOf({ endpoint, nat_type, local_endpoints }: NodeRecord): Whereabouts {
  return { endpoint, nat_type, local_endpoints }
}

function store(app: App, nodeId: string, reported: Whereabouts): Promise<void> {
  return app.change(async (unit) => {
    const node = unit.fleet.node(nodeId)
    if (!node) throw new ApiError('unauthorized', 'unauthorized')
    const columns = { ...reported, local_endpoints: JSON.stringify(reported.local_endpoints) }
    await unit.tx.updateTable('nodes').set(columns).where('id', '=', nodeId).execute()
    await changeNode(unit, { ...node, ...reported })
  })
}

/**
 * Where a node is that no STUN server answers: it has itself the address that its requests come from, so no NAT stands
 * between. Empty where one does, for then nobody knows which port it gives to WireGuard.
 */
function seenEndpoint(from: string, localEndpoints: readonly string[]): string {
  const address = from.replace(/^::ffff:(?=\d+\.)/, '')
  const host = isIP(address) === 6 ? `[${address}]` : address
  return localEndpoints.find((endpoint) => endpoint.startsWith(`${host}:`)) ?? ''
}

/** `203.0.113.10:51820` or `[2001:db8::1]:51820`; the empty text takes a known endpoint back. */
function checkedEndpoint(field: string, text: string): string {
  const [, ipv6, ipv4, port] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? []
  const valid =
    text === '' ||
    ((isIP(ipv6 ?? '') === 6 || isIP(ipv4 ?? '') === 4) &&
      Number(port) > 0 &&
      Number(port) <= 65_535)
  if (valid) return text
  throw new ApiError('bad_request', `body/${field} must be an address and a port`)
}
