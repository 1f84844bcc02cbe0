import {
  type Address,
  createSerialQueue,
  decodeStun,
  describeError,
  encodeStun,
  errorCodeOf,
  type Log,
  openUdpSocket,
  type UdpSocket,
} from '@plexd/runtime'
import { hostAddresses } from '../tls/host-addresses.ts'

/**
 * Tells nodes from where their packets come (STUN binding, RFC 5389), so that a mesh needs no server of somebody else.
 * It has one address: what tells the kinds of NAT apart (RFC 5780) takes two. When the port belongs to another program, which is
 * a STUN server too, most likely, it says so, and takes the port within seconds once that is free.
 *
 * Where all addresses are served, each has a socket of its own: an answer has to come from where it was asked, and one
 * socket for all would answer from whichever address the route back prefers. New ones are served within seconds.
 */
export async function startStunServer(
  { host, port }: { host: string; port: number },
  log: Log,
  { addressesOf = ownAddresses, everyMs = 5_000 } = {},
): Promise<AsyncDisposable> {
  const isForAll = host === '0.0.0.0' || host === '::'
  const sockets = new Map<string, UdpSocket>()
  const refused = new Set<string>()

  async function follow(): Promise<void> {
    const wanted = new Set(isForAll ? addressesOf() : [host])
    for (const [address, socket] of sockets) {
      if (wanted.has(address)) continue
      sockets.delete(address)
      await socket[Symbol.asyncDispose]()
    }
    for (const address of wanted) if (!sockets.has(address)) await open(address)
  }

  async function open(address: string): Promise<void> {
    try {
      sockets.set(address, await serve(address, port))
      if (refused.delete(address)) log.info('STUN is served', { host: address, port })
    } catch (error) {
      // One of many that has just gone again, or that the kernel does not give out yet.
      if (isForAll && errorCodeOf(error) === 'EADDRNOTAVAIL') return
      if (refused.has(address)) return
      refused.add(address)
      const fields = { host: address, port, error: describeError(error) }
      log.warn('STUN is not served, nodes ask others', fields)
    }
  }

  await follow()
  const inOrder = createSerialQueue()
  const timer = setInterval(() => {
    inOrder(follow).catch((error: unknown) => {
      log.warn('addresses for STUN not read', { error: describeError(error) })
    })
  }, everyMs).unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await inOrder(async () => {})
      for (const socket of sockets.values()) await socket[Symbol.asyncDispose]()
    },
  }
}

async function serve(host: string, port: number): Promise<UdpSocket> {
  const socket = await openUdpSocket(port, host)
  socket.listen((datagram, from) => {
    const answer = answerTo(datagram, from)
    if (answer) socket.send(answer, from).catch(() => {}) // it will ask again
  })
  return socket
}

function answerTo(datagram: Buffer, from: Address): Buffer | undefined {
  const request = decodeStun(datagram)
  if (request?.kind !== 'request') return undefined
  const { transactionId, unknown, change } = request
  if (unknown) return encodeStun({ kind: 'error', transactionId, errorCode: 420, unknown })
  // Whoever wants it from another address gets none, and knows by that that there is none.
  if (change?.address || change?.port) return undefined
  return encodeStun({ kind: 'success', transactionId, mapped: from })
}

/** Those of this host that nodes may ask. */
function ownAddresses(): string[] {
  return hostAddresses().map(({ address }) => address)
}
