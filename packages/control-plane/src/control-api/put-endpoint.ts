import { isIP } from 'node:net'
import { ApiError, controlApi } from '@plexd/protocol'
import { changeNode } from '../announce.ts'
import type { App } from '../app.ts'
import { handle } from '../handle.ts'
import type { NodeRecord } from '../mesh/fleet.ts'
import { shownPeers } from '../mesh/peer-view.ts'

/** Peers hear of an endpoint only when it is another one: nodes report theirs every minute. */
export const putEndpoint = handle(controlApi.putEndpoint, async ({ principal, body }, app) => {
  const endpoint = checkedEndpoint(body.public_endpoint)
  const nat_type = body.nat_type ?? principal.nat_type
  if (endpoint !== principal.endpoint || nat_type !== principal.nat_type)
    await storeEndpoint(app, principal.id, { endpoint, nat_type })
  const node = app.fleet.node(principal.id)
  if (!node) throw new ApiError('unauthorized', 'unauthorized')
  return {
    peer_endpoints: shownPeers(app.fleet.mesh(node.tenant_id), node)
      .filter((peer) => peer.endpoint !== '')
      .map((peer) => ({ peer_id: peer.id, endpoint: peer.endpoint })),
  }
})

function storeEndpoint(
  app: App,
  nodeId: string,
  given: Pick<NodeRecord, 'endpoint' | 'nat_type'>,
): Promise<void> {
  return app.change(async (unit) => {
    const node = unit.fleet.node(nodeId)
    if (!node) throw new ApiError('unauthorized', 'unauthorized')
    await unit.tx.updateTable('nodes').set(given).where('id', '=', nodeId).execute()
    await changeNode(unit, { ...node, ...given })
  })
}

/** `203.0.113.10:51820` or `[2001:db8::1]:51820`; the empty text takes a known endpoint back. */
function checkedEndpoint(text: string): string {
  const [, ipv6, ipv4, port] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? []
  const valid =
    text === '' ||
    ((isIP(ipv6 ?? '') === 6 || isIP(ipv4 ?? '') === 4) &&
      Number(port) > 0 &&
      Number(port) <= 65_535)
  if (valid) return text
  throw new ApiError('bad_request', 'body/public_endpoint must be an address and a port')
}
