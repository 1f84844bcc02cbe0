import { isIPv4 } from 'node:net'
import { describeError } from '@plexd/runtime'
import { Type } from 'typebox'
import type { PingUse } from '../../path/ping-socket.ts'
import { type Trace, trace } from '../../path/trace.ts'
import { jsonOutput } from '../output.ts'
import { defineBuiltin } from './define-builtin.ts'
import { describeWay, findPeer, PeerName, requireMesh } from './find-peer.ts'
import type { NodeFacts } from './node-facts.ts'

export const traceroutePeer = defineBuiltin({
  name: 'diagnostics.traceroute_peer',
  description:
    "Find the hosts on the way to a peer, through the mesh and outside of it to the peer's endpoint, as JSON; exit code 1 when the mesh does not reach it",
  parameters: Type.Object({
    peer_id: PeerName,
    max_hops: Type.Integer({
      default: 30,
      minimum: 1,
      maximum: 64,
      description: 'How many hosts on the way at most',
    }),
  }),
  timeoutMs: 60_000,
  standsAlone: true,
  async run({ peer_id, max_hops }, node, { signal }) {
    const peer = findPeer(node, peer_id)
    requireMesh(node)
    const way = await describeWay(node, peer)
    const mesh = await traceBy(node, peer.mesh_ip, {}, { maxHops: max_hops, signal })
    const outside = await traceOutside(node, way.endpoint, { maxHops: max_hops, signal })
    return jsonOutput({ ...way, mesh, outside }, mesh.reached ? 0 : 1)
  },
})

interface Bounds {
  maxHops: number
  signal: AbortSignal
}

async function traceBy(
  node: NodeFacts,
  address: string,
  use: PingUse,
  bounds: Bounds,
): Promise<Trace> {
  const socket = await node.openPing({ ...use, errors: true })
  try {
    return await trace(socket, address, { ...bounds, clock: node.clock })
  } finally {
    socket.close()
  }
}

/** Where WireGuard's own packets go. Only additional information, so its failure is not one of the action. */
async function traceOutside(
  node: NodeFacts,
  endpoint: string,
  bounds: Bounds,
): Promise<(Trace & { address: string }) | { error: string }> {
  const address = endpoint.slice(0, endpoint.lastIndexOf(':'))
  if (!isIPv4(address)) return { error: endpoint === '' ? 'no endpoint is known' : 'not over IPv4' }
  try {
    return { address, ...(await traceBy(node, address, { outside: true }, bounds)) }
  } catch (error) {
    bounds.signal.throwIfAborted()
    return { error: describeError(error) }
  }
}
