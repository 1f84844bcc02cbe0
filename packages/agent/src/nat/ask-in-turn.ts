import type { Address } from '@plexd/runtime'
import { type StunAnswer, type StunClient, StunError } from './stun-client.ts'

/** What a server saw of the port from which it was asked. */
export interface Sighting extends StunAnswer {
  server: Address
}

/** The answer of the first server that has one. */
export async function askInTurn(
  servers: readonly Address[],
  client: StunClient,
  signal?: AbortSignal,
): Promise<Sighting | undefined> {
  for (const server of servers) {
    try {
      return { server, ...(await client.ask(server, { ...(signal && { signal }) })) }
    } catch (error) {
      if (!(error instanceof StunError)) throw error
    }
  }
  return undefined
}
