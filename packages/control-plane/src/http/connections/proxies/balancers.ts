import { isIPv6, type Socket } from 'node:net'
import { matcherOf } from './address-ranges.ts'
import { takeProxyHeader } from './header-reader.ts'
import { type HeaderFault, headerFaults, type Peer, type Relaying } from './proxy-header.ts'

/** Those who pass connections on, and say whose they are. */
export interface Balancers {
  /** Addresses and ranges. */
  from: readonly string[]
  patienceMs: number
  /** Of a header that was written by another control plane, which may come from anywhere, how that one is; none do when left out. */
  replicaOf?: ((header: Buffer) => Relaying | undefined) | undefined
  /** A connection of a balancer is closed, because it says nothing of whose it is. */
  onFault?: ((told: { balancer: string; why: HeaderFault }) => void) | undefined
}

/** Waits for whom a connection names. Of one that nobody passes on no byte is taken. */
export type AwaitPeer = (
  socket: Socket,
  then: { named(peer: Peer | undefined): void; fault(isSilent: boolean): void },
) => void

export function createPeers({ from, patienceMs, replicaOf, onFault }: Balancers): AwaitPeer {
  const isBalancer = matcherOf(from)
  return (socket, { named, fault }) => {
    const address = socket.remoteAddress ?? ''
    const fail = (why: HeaderFault): void => {
      fault(false)
      onFault?.({ balancer: address, why })
    }
    if (from.length > 0 && isBalancer(address))
      takeProxyHeader(socket, { patienceMs, onHeader: named, onFault: fail })
    else if (replicaOf)
      takeProxyHeader(socket, {
        patienceMs,
        onHeader(peer, header) {
          const passedOnBy = replicaOf(header)
          if (passedOnBy) named(peer && { ...peer, passedOnBy })
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
export function showPeer(socket: Socket, { address, port, passedOnBy }: Peer): void {
  const remoteFamily = isIPv6(address) ? 'IPv6' : 'IPv4'
  const shown = { remoteAddress: address, remotePort: port, remoteFamily, passedOnBy }
  for (const [name, value] of Object.entries(shown))
    Object.defineProperty(socket, name, { value, configurable: true })
}

/** How the control plane is that has passed a connection on; undefined of one that came here itself. */
export function relayingOf(socket: Socket): Relaying | undefined {
  return (socket as { passedOnBy?: Relaying }).passedOnBy // put there above
}
