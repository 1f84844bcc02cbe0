import { isIPv6, type Socket } from 'node:net'
import { matcherOf } from './address-ranges.ts'
import { takeProxyHeader } from './header-reader.ts'
import { type HeaderFault, headerFaults, type Peer } from './proxy-header.ts'

/** Those who pass connections on, and say whose they are. */
export interface Balancers {
  /** Addresses and ranges. */
  from: readonly string[]
  patienceMs: number
  /** Whether a header was written by another control plane, which may come from anywhere; none do when left out. */
  isOfReplica?: ((header: Buffer) => boolean) | undefined
  /** A connection of a balancer is closed, because it says nothing of whose it is. */
  onFault?: ((told: { balancer: string; why: HeaderFault }) => void) | undefined
}

/** Waits for whom a connection names. Of one that nobody passes on no byte is taken. */
export type AwaitPeer = (
  socket: Socket,
  then: { named(peer: Peer | undefined): void; fault(isSilent: boolean): void },
) => void

export function createPeers({ from, patienceMs, isOfReplica, onFault }: Balancers): AwaitPeer {
  const isBalancer = matcherOf(from)
  return (socket, { named, fault }) => {
    const address = socket.remoteAddress ?? ''
    const fail = (why: HeaderFault): void => {
      fault(false)
      onFault?.({ balancer: address, why })
    }
    if (from.length > 0 && isBalancer(address))
      takeProxyHeader(socket, { patienceMs, onHeader: named, onFault: fail })
    else if (isOfReplica)
      takeProxyHeader(socket, {
        patienceMs,
        onHeader(peer, header) {
          if (isOfReplica(header)) named(peer)
          else fail(headerFaults.stranger)
        },
        onOther: () => named(undefined),
        onFault(why) {
          if (why === headerFaults.late) fault(true)
          else fail(why)
        },
      })
    else named(undefined)
  }
}

/** Has a socket say that it comes from a peer, to whoever asks it. */
export function showPeer(socket: Socket, { address, port }: Peer): void {
  const remoteFamily = isIPv6(address) ? 'IPv6' : 'IPv4'
  const shown = { remoteAddress: address, remotePort: port, remoteFamily }
  for (const [name, value] of Object.entries(shown))
    Object.defineProperty(socket, name, { value, configurable: true })
}
