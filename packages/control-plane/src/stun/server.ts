import { decodeStun, describeError, encodeStun, type Log, openUdpSocket } from '@plexd/runtime'

/**
 * Tells nodes from where their packets come (STUN binding, RFC 5389), so that a mesh needs no server of somebody else.
 * It has one address: what tells the kinds of NAT apart (RFC 5780) takes two. Resolves to undefined, and says so, when
 * the port belongs to another program: that one is a STUN server too, most likely.
 */
export async function startStunServer(
  { host, port }: { host: string; port: number },
  log: Log,
): Promise<AsyncDisposable | undefined> {
  try {
    const socket = await openUdpSocket(port, host)
    socket.listen((datagram, from) => {
      const request = decodeStun(datagram)
      if (request?.kind !== 'request') return
      const { transactionId } = request
      // Whoever wants it from another address gets none, and knows by that that there is none.
      if (request.change?.address || request.change?.port) return
      const answer = encodeStun({ kind: 'success', transactionId, mapped: from })
      socket.send(answer, from).catch(() => {}) // it will ask again
    })
    return socket
  } catch (error) {
    log.warn('STUN is not served, nodes ask others', { host, port, error: describeError(error) })
    return undefined
  }
}
