import { isIPv6, type Socket } from 'node:net'
import { matcherOf } from './address-ranges.ts'
import { takeProxyHeader } from './header-reader.ts'
import type { HeaderFault, Peer } from './proxy-header.ts'

/** Those who pass connections on, and say whose they are. */
export interface Balancers {
  /** Addresses and ranges. */
  from: readonly string[]
  patienceMs: number
  /** A connection of a balancer is closed, because it says nothing of whose it is. */
  onFault?: ((told: { balancer: string; why: HeaderFault }) => void) | undefined
}

/** Waits for whom a connection names; calls at once for one of somebody else, of whose bytes none is read. */
export type AwaitPeer = (
  socket: Socket,
  then: { named(peer: Peer | undefined): void; fault(): void },
) => void

export function createPeers({ from, patienceMs, onFault }: Balancers): AwaitPeer {
  const isBalancer = matcherOf(from)
  return (socket, { named, fault }) => {
    const balancer = socket.remoteAddress ?? ''
    if (from.length === 0 || !isBalancer(balancer)) return named(undefined)
    takeProxyHeader(socket, {
      patienceMs,
      onHeader: named,
      onFault(why) {
        fault()
        onFault?.({ balancer, why })
      },
    })
  }
}

/** Has a socket say that it comes from a peer, to whoever asks it. */
export function showPeer(socket: Socket, { address, port }: Peer): void {
  const remoteFamily = isIPv6(address) ? 'IPv6' : 'IPv4'
  const shown = { remoteAddress: address, remotePort: port, remoteFamily }
  for (const [name, value] of Object.entries(shown))
    Object.defineProperty(socket, name, { value, configurable: true })
}
