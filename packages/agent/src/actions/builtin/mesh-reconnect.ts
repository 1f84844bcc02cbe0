import { Type } from 'typebox'
import { jsonOutput } from '../output.ts'
import { defineBuiltin } from './define-builtin.ts'
import { requireMesh } from './find-peer.ts'
import type { NodeFacts } from './node-facts.ts'

/** A handshake that is answered at all is answered within this time, with its retries. */
const patienceMs = 8_000
const lookEachMs = 250

export const meshReconnect = defineBuiltin({
  name: 'mesh.reconnect',
  description:
    'Find all endpoints anew and shake hands with every peer again, as JSON which of them have answered; sessions in use are replaced',
  parameters: Type.Object({}),
  timeoutMs: 60_000,
  async run(_parameters, node, { signal }) {
    requireMesh(node)
    // WireGuard tells the time of a handshake in seconds.
    const sinceSeconds = Math.floor(node.clock.now() / 1_000)
    await node.reconnect(signal)
    const peers = await settle(node, sinceSeconds, signal)
    const answered = peers.filter((peer) => peer.answered).length
    return jsonOutput({ peers: peers.length, answered, silent: peers.filter((p) => !p.answered) })
  },
})

/** Waits until every peer that has an endpoint has answered. */
async function settle(node: NodeFacts, sinceSeconds: number, signal: AbortSignal) {
  const untilMs = node.clock.monotonic() + patienceMs
  for (;;) {
    const peers = (await node.peers()).map(
      ({ id, hostname, endpoint, state, reason, last_handshake_at: at }) => ({
        id,
        hostname,
        endpoint,
        state,
        reason,
        answered: at !== null && Date.parse(at) / 1_000 >= sinceSeconds,
      }),
    )
    const isDone = peers.every(({ answered, endpoint }) => answered || endpoint === '')
    if (isDone || node.clock.monotonic() >= untilMs) return peers
    await node.clock.sleep(lookEachMs, signal)
  }
}
