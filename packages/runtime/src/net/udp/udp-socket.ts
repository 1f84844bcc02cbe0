import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIP, isIPv4 } from 'node:net'
import { errorCodeOf } from '../../files/error-code.ts'
import { type Address, unmapAddress } from './udp-address.ts'

/** A UDP port of this host, for IPv4 and, if available, IPv6. */
export interface UdpSocket extends AsyncDisposable {
  port: number
  /** Rejects if the system reports that it cannot be sent. */
  send(datagram: Buffer, to: Address): Promise<void>
  /** Sets the listener for incoming datagrams, replacing an earlier one. */
  listen(listener: (datagram: Buffer, from: Address) => void): void
}

/** Opens a port on all addresses or on one; 0 is any free port. Rejects with EADDRINUSE if it is in use. */
export async function openUdpSocket(port = 0, host?: string): Promise<UdpSocket> {
  const isForAll = host === undefined || host === '0.0.0.0' || host === '::'
  if (!isForAll && isIP(host)) return open(isIPv4(host) ? 'udp4' : 'udp6', port, host)
  const one = isForAll ? undefined : host
  try {
    return await open('udp6', port, one)
  } catch (error) {
    if (['EADDRINUSE', 'EACCES'].includes(errorCodeOf(error) ?? '')) throw error
    return open('udp4', port, one) // a kernel without IPv6, or a name without an IPv6 address
  }
}

async function open(type: 'udp4' | 'udp6', port: number, host?: string): Promise<UdpSocket> {
  const socket = createSocket({ type, ipv6Only: false })
  await bind(socket, port, host)
  let listener = (_datagram: Buffer, _from: Address): void => {}
  socket.on('message', (datagram, from) =>
    listener(datagram, { address: unmapAddress(from.address), port: from.port }),
  )
  // ICMP errors about earlier datagrams: the sender's timeout covers those.
  socket.on('error', () => {})
  const nameFor = (address: string): string =>
    type === 'udp6' && isIPv4(address) ? `::ffff:${address}` : address

  return {
    port: socket.address().port,
    send(datagram, to) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      socket.send(datagram, to.port, nameFor(to.address), (error) =>
        error ? reject(error) : resolve(),
      )
      return promise
    },
    listen(next) {
      listener = next
    },
    async [Symbol.asyncDispose]() {
      const closed = once(socket, 'close')
      socket.close()
      await closed
    },
  }
}

async function bind(socket: Socket, port: number, address?: string): Promise<void> {
  const bound = once(socket, 'listening')
  socket.bind({ port, exclusive: true, ...(address === undefined ? {} : { address }) })
  try {
    await bound
  } catch (error) {
    socket.close()
    throw error
  }
}
