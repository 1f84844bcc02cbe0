import type { Address, Clock } from '@plexd/runtime'
import { type StunAnswer, type StunClient, StunError } from './stun-client.ts'

/** The answer of a server, and the server. */
export interface Sighting extends StunAnswer {
  server: Address
}

/** How long to wait for a server before the next is asked too. */
const headStartMs = 250

/** The first answer; each server is asked after the one before it has failed. Undefined if all fail. */
export async function askInTurn(
  servers: readonly Address[],
  client: StunClient,
  signal?: AbortSignal,
): Promise<Sighting | undefined> {
  for (const server of servers) {
    try {
      return await askOne(server, client, signal)
    } catch (error) {
      if (!(error instanceof StunError)) throw error
    }
  }
  return undefined
}

/** The first answer; each server is asked a quarter of a second after the one before it, so that a silent one delays nothing for longer. */
export async function askSoonest(
  servers: readonly Address[],
  client: StunClient,
  { clock, signal }: { clock: Clock; signal?: AbortSignal | undefined },
): Promise<Sighting | undefined> {
  const enough = new AbortController()
  const until = signal ? AbortSignal.any([enough.signal, signal]) : enough.signal
  const asking = servers.map(async (server, place) => {
    if (place > 0) await clock.sleep(place * headStartMs, until)
    return askOne(server, client, until)
  })
  try {
    return await Promise.any(asking)
  } catch (error) {
    signal?.throwIfAborted()
    const failures: unknown[] = error instanceof AggregateError ? error.errors : [error]
    const unexpected = failures.find((failure) => !(failure instanceof StunError))
    if (unexpected) throw unexpected
    return undefined
  } finally {
    enough.abort()
  }
}

async function askOne(
  server: Address,
  client: StunClient,
  signal: AbortSignal | undefined,
): Promise<Sighting> {
  return { server, ...(await client.ask(server, { signal })) }
}
