import { isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { NatType } from '@plexd/protocol'
import type { Address, Clock, Log } from '@plexd/runtime'
import { openUdpSocket } from '@plexd/runtime'
import { createRounds, type DiscoveredEndpoint, type RoundOptions } from './discovery-rounds.ts'
import { createInterfaceReader, localAddresses } from './local-addresses.ts'
import { measureNat } from './measure-nat.ts'
import { decideNatType } from './nat-type.ts'
import { createStunNames } from './stun/stun-servers.ts'
import { openWireguardPort } from './stun/wireguard-port.ts'

export interface NetworkOptions {
  /** `host:port`, preferred ones first; asked for before each round. */
  servers(): readonly string[]
  listenPort: number
  meshInterface: string
  /** Called with the id of each process that writes the packet filter. */
  onWrite?: (processId: number) => void
  clock: Clock
  log: Log
}

/** Discovery on the real network. */
export function realNetwork(options: NetworkOptions): RoundOptions {
  const { servers, listenPort, meshInterface, onWrite, clock, log } = options
  const names = createStunNames({ servers, log })
  return {
    openPort: () =>
      openWireguardPort({ port: listenPort, clock, log, ...(onWrite && { onWrite }) }),
    listenPort,
    meshInterface,
    resolveServers: names.resolve,
    measure: (addresses, signal) => measureNatType(addresses, { clock, signal }),
    interfaces: createInterfaceReader(),
    clock,
  }
}

/** Runs one round, and closes what it has opened. */
export async function checkNetwork(
  options: NetworkOptions,
  signal: AbortSignal,
): Promise<DiscoveredEndpoint> {
  const rounds = createRounds(realNetwork(options))
  try {
    return await rounds.next(signal)
  } finally {
    await rounds.close()
  }
}

async function measureNatType(
  servers: readonly Address[],
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<{ type: NatType; reason: string }> {
  await using socket = await openUdpSocket()
  const facts = await measureNat({
    socket,
    // The type is that of the IPv4 NAT, because IPv6 is rarely translated.
    servers: servers.filter(({ address }) => isIPv4(address)),
    localAddresses: localAddresses(networkInterfaces()),
    clock,
    signal,
  })
  return decideNatType(facts)
}
