import { type NetlinkMessage, readMessages, writeMessage } from './netlink.ts'
import type { RawSocket } from './raw-socket.ts'

/** What to ask. */
export interface NetlinkQuery {
  type: number
  /** For all that there is, instead of one; NLM_F_DUMP. */
  isDump?: boolean
  /** The header of the family, and attributes. */
  body: Buffer
}

/**
 * Asks the kernel over a socket of netlink(7), which answers before the request returns. Empty if there is no such device; throws for
 * any other error.
 */
export function askNetlink(
  socket: RawSocket,
  { type, isDump = false, body }: NetlinkQuery,
): NetlinkMessage[] {
  const request = writeMessage(type, isDump ? linux.dump : 0, body)
  if (!socket.send(request, toKernel())) throw new Error('send to netlink')
  const found: NetlinkMessage[] = []
  for (;;) {
    const messages = socket.read().flatMap(readMessages)
    if (messages.length === 0) throw new Error('read from netlink: there is no answer')
    for (const message of messages) {
      if (message.type === linux.done) return found
      if (message.type === linux.error) return failed(message.body.readInt32LE(0))
      found.push(message)
    }
    if (!isDump) return found
  }
}

function failed(errno: number): [] {
  if (errno === -linux.noDevice) return []
  throw new Error(`ask netlink: error ${-errno}`)
}

/** struct sockaddr_nl */
function toKernel(): Buffer {
  const address = Buffer.alloc(12)
  address.writeUInt16LE(afNetlink, 0)
  return address
}

export const afNetlink = 16

const linux = {
  /** Message types. */
  error: 2,
  done: 3,
  /** NLM_F_DUMP */
  dump: 0x300,
  noDevice: 19,
}
