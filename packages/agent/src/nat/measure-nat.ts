import type { Address, Clock, UdpSocket } from '@plexd/runtime'
import { askInTurn, type Sighting } from './ask-servers.ts'
import type { NatFacts } from './nat-type.ts'
import { createStunClient, type StunClient, StunError } from './stun-client.ts'

export interface MeasureOptions {
  /** Fresh for each measurement: a NAT lets answer whom the port has sent to before. */
  socket: UdpSocket
  /** IPv4, in the order of preference. */
  servers: readonly Address[]
  localAddresses: readonly string[]
  clock: Clock
  signal?: AbortSignal
}

/** Finds out how the NAT in front of this host treats a port: by RFC 5780 with a server that supports it, otherwise with two. */
export async function measureNat(options: MeasureOptions): Promise<NatFacts> {
  const { socket, servers, localAddresses, clock, signal } = options
  const client = createStunClient({ socket, clock })
  const facts = { port: socket.port, localAddresses }
  const first = await askInTurn(servers, client, signal)
  if (!first) return { ...facts, sightings: [] }
  // Before its second address is spoken to, which opens the NAT for it.
  const filtering = hasSecond(first) ? await measureFilter(first.server, client, signal) : undefined
  const second = await askInTurn(secondServers(first, servers), client, signal)
  const sightings = second ? [first, second] : [first]
  return { ...facts, sightings, ...(filtering && { filtering }) }
}

function hasSecond({ server, other }: Sighting): boolean {
  return other !== undefined && other.address !== server.address && other.port !== server.port
}

async function measureFilter(
  server: Address,
  client: StunClient,
  signal?: AbortSignal,
): Promise<NatFacts['filtering']> {
  const [byAddress, byPort] = await Promise.allSettled([
    client.ask(server, { signal, change: { address: true, port: true } }),
    client.ask(server, { signal, change: { address: false, port: true } }),
  ])
  if (byAddress.status === 'fulfilled') return 'open'
  if (byPort.status === 'fulfilled') return 'address'
  // A server that refuses says nothing about the NAT.
  return isSilence(byAddress.reason) && isSilence(byPort.reason) ? 'port' : undefined
}

function isSilence(reason: unknown): boolean {
  if (!(reason instanceof StunError)) throw reason
  return !reason.refused
}

/** Other addresses than the first server's: its own second one, then those of other servers. */
function secondServers({ server, other }: Sighting, servers: readonly Address[]): Address[] {
  const own = other ? [{ address: other.address, port: server.port }, other] : []
  return [...own, ...servers].filter(({ address }) => address !== server.address)
}
