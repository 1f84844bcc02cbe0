import { setTimeout as delay } from 'node:timers/promises'
import { createRequests } from '../http/requests.ts'
import type { World } from './agent.ts'
import { monotonicMs } from './watches.ts'
import type { FloodOptions, Identity } from './worker-api.ts'

/** Sends one request after another over each connection, for each identity in turn; counted in the tally by `kind`. */
export async function flood(
  { address, tally }: Pick<World, 'address' | 'tally'>,
  identities: readonly Identity[],
  { kind, method, path, headers, body, seconds, connections }: FloodOptions,
): Promise<{ count: number; ms: number }> {
  using requests = createRequests(address, connections)
  const startMs = monotonicMs()
  const endMs = startMs + seconds * 1_000
  let count = 0
  const send = async (): Promise<void> => {
    while (monotonicMs() < endMs) {
      const { node_id = '', node_token = '' } = identities[count++ % identities.length] ?? {}
      const answer = await requests.send({
        method,
        path: path.replace('{node_id}', node_id),
        token: node_token,
        ...(headers ? { headers } : {}),
        ...(body === undefined ? {} : { body }),
      })
      tally.add(kind, answer.status, answer.ms)
      // Connecting to a server that is down fails at once.
      if (answer.status === 0) await delay(50)
    }
  }
  await Promise.all(Array.from({ length: connections }, send))
  return { count, ms: monotonicMs() - startMs }
}
