import { Type } from 'typebox'
import { type Ping, ping } from '../../path/ping.ts'
import { jsonOutput } from '../output.ts'
import { defineBuiltin } from './define-builtin.ts'
import { describeWay, findPeer, PeerName, requireMesh } from './find-peer.ts'

export const pingPeer = defineBuiltin({
  name: 'diagnostics.ping_peer',
  description:
    'Ask a peer through the mesh for an echo, and say how long it took, as JSON; exit code 1 without any answer',
  parameters: Type.Object({
    peer_id: PeerName,
    count: Type.Integer({
      default: 4,
      minimum: 1,
      maximum: 100,
      description: 'How many, five a second',
    }),
  }),
  timeoutMs: 60_000,
  standsAlone: true,
  async run({ peer_id, count }, node, { signal }) {
    const peer = findPeer(node, peer_id)
    requireMesh(node)
    const socket = await node.openPing()
    try {
      const { echoes } = await ping(socket, peer.mesh_ip, { count, signal, clock: node.clock })
      const figures = describeEchoes(echoes)
      const output = { ...(await describeWay(node, peer)), ...figures }
      return jsonOutput(output, figures.received === 0 ? 1 : 0)
    } finally {
      socket.close()
    }
  },
})

function describeEchoes(echoes: Ping['echoes']) {
  const times = echoes.flatMap(({ ms }) => (ms === null ? [] : [ms]))
  const refused = echoes.filter((echo) => echo.refused).length
  const lost = echoes.length - times.length
  return {
    sent: echoes.length - refused,
    received: times.length,
    /** The packet filter of this node did not let them out. */
    refused,
    loss_percent: Math.round((1_000 * lost) / echoes.length) / 10,
    rtt_ms:
      times.length === 0
        ? null
        : { min: Math.min(...times), avg: average(times), max: Math.max(...times) },
    replies_ms: echoes.map(({ ms }) => ms),
  }
}

function average(times: readonly number[]): number {
  const sum = times.reduce((total, ms) => total + ms, 0)
  return Math.round((1_000 * sum) / times.length) / 1_000
}
