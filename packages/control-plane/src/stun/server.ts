import { networkInterfaces } from 'node:os'
import {
  type Address,
  decodeStun,
  describeError,
  encodeStun,
  errorCodeOf,
  type Log,
  openUdpSocket,
  type UdpSocket,
} from '@plexd/runtime'

/**
 * Tells nodes from where their packets come (STUN binding, RFC 5389), so that a mesh needs no server of somebody else.
 * It has one address: what tells the kinds of NAT apart (RFC 5780) takes two. Resolves to undefined, and says so, when
 * the port belongs to another program: that one is a STUN server too, most likely.
 *
 * Where all addresses are served, each has a socket of its own: an answer has to come from where it was asked, and one
 * socket for all would answer from whichever address the route back prefers. New ones are served within seconds.
 */
export async function startStunServer(
  { host, port }: { host: string; port: number },
  log: Log,
  addressesOf: () => string[] = ownAddresses,
): Promise<AsyncDisposable | undefined> {
  if (host !== '0.0.0.0' && host !== '::') return serve(host, port, log)
  const sockets = new Map<string, UdpSocket>()
  let following = follow()

  async function follow(): Promise<void> {
    const wanted = new Set(addressesOf())
    for (const [address, socket] of sockets) {
      if (wanted.has(address)) continue
      sockets.delete(address)
      await socket[Symbol.asyncDispose]()
    }
    for (const address of wanted) {
      const socket = sockets.has(address) ? undefined : await serve(address, port, log)
      if (socket) sockets.set(address, socket)
    }
  }

  await following
  if (sockets.size === 0) return undefined
  const timer = setInterval(() => {
    following = following.then(follow)
  }, followMs).unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await following
      for (const socket of sockets.values()) await socket[Symbol.asyncDispose]()
    },
  }
}

const followMs = 5_000

async function serve(host: string, port: number, log: Log): Promise<UdpSocket | undefined> {
  try {
    const socket = await openUdpSocket(port, host)
    socket.listen((datagram, from) => {
      const answer = answerTo(datagram, from)
      if (answer) socket.send(answer, from).catch(() => {}) // it will ask again
    })
    return socket
  } catch (error) {
    // An address that has just gone again.
    if (errorCodeOf(error) === 'EADDRNOTAVAIL') return undefined
    log.warn('STUN is not served, nodes ask others', { host, port, error: describeError(error) })
    return undefined
  }
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

/** Those of this host that nodes may ask, without those that need an interface beside them. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list = []) =>
    list.filter(({ scopeid }) => !scopeid).map(({ address }) => address),
  )
}
