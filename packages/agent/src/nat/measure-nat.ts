import type { Address, Clock, UdpSocket } from '@plexd/runtime'
import type { NatFacts } from './nat-type.ts'
import { askInTurn, type Sighting } from './stun/ask-servers.ts'
import { createStunClient, type StunClient, StunError } from './stun/stun-client.ts'

export interface MeasureOptions {
  /** A new one for each measurement, because a NAT may accept packets from any address that the port has sent to before. */
  socket: UdpSocket
  /** IPv4, preferred ones first. */
  servers: readonly Address[]
  localAddresses: readonly string[]
  clock: Clock
  signal?: AbortSignal
}

/** Measures how the NAT in front of this host maps and filters a port: with RFC 5780 if the server supports it, otherwise with a second server. */
export async function measureNat(options: MeasureOptions): Promise<NatFacts> {
  const { socket, servers, localAddresses, clock, signal } = options
  const client = createStunClient({ socket, clock })
  const facts = { port: socket.port, localAddresses }
  const first = await askInTurn(servers, client, signal)
  if (!first) return { ...facts, sightings: [] }
  // This comes first, because sending to the server's second address opens the NAT for it.
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
  // A refusal by the server says nothing about the NAT.
  return isSilence(byAddress.reason) && isSilence(byPort.reason) ? 'port' : undefined
}

function isSilence(reason: unknown): boolean {
  if (!(reason instanceof StunError)) throw reason
  return !reason.refused
}

/** The addresses to ask next: the second one of the first server, then those of other servers. */
function secondServers({ server, other }: Sighting, servers: readonly Address[]): Address[] {
  const own = other ? [{ address: other.address, port: server.port }, other] : []
  return [...own, ...servers].filter(({ address }) => address !== server.address)
}
