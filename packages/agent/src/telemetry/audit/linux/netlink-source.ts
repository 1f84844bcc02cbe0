import { setImmediate } from 'node:timers/promises'
import { readMessages } from '../../../process/sockets/netlink.ts'
import type { OpenRawSocket, RawSocket } from '../../../process/sockets/raw-socket.ts'
import { type AuditLine, parseMessage } from '../events/audit-line.ts'
import { typeOf } from '../events/record-types.ts'

export interface NetlinkLines {
  lines: (AuditLine | undefined)[]
  bytes: number
  /** The kernel had no room for some that came before. */
  isOverrun: boolean
}

/** While so much is not taken, the rest waits in the kernel. */
const maxPendingBytes = 1024 * 1024
/** At a time, so that others have their turn. */
const chunkBytes = 64 * 1024
const kernelBytes = 8 * 1024 * 1024

/**
 * What the kernel sends to all that listen (AUDIT_NLGRP_READLOG), beside auditd and where none runs. Needs CAP_AUDIT_READ. The kernel
 * sends it in the machine's first network namespace only. Throws if it refuses.
 */
export async function* readNetlink(
  open: OpenRawSocket,
  signal: AbortSignal,
): AsyncGenerator<NetlinkLines> {
  const socket = openGroup(open)
  const packets: Buffer[] = []
  let pendingBytes = 0
  let isOverrun = false
  let arrived = Promise.withResolvers<void>()
  const wake = (): void => arrived.resolve()
  signal.addEventListener('abort', wake, { once: true })

  function take(): NetlinkLines {
    const lines: NetlinkLines['lines'] = []
    let bytes = 0
    while (bytes < chunkBytes) {
      const packet = packets.shift()
      if (!packet) break
      bytes += packet.length
      lines.push(...linesIn(packet))
    }
    pendingBytes -= bytes
    const taken = { lines, bytes, isOverrun }
    isOverrun = false
    return taken
  }

  try {
    socket.follow((packet) => {
      if (packet === 'overrun') isOverrun = true
      else {
        packets.push(packet)
        pendingBytes += packet.length
        if (pendingBytes > maxPendingBytes) socket.hold(true)
      }
      wake()
    })
    for (;;) {
      await arrived.promise
      signal.throwIfAborted()
      arrived = Promise.withResolvers()
      // What comes at the same time is taken at once.
      await setImmediate()
      while (packets.length > 0 || isOverrun) {
        yield take()
        if (pendingBytes <= maxPendingBytes) socket.hold(false)
      }
    }
  } finally {
    signal.removeEventListener('abort', wake)
    socket.close()
  }
}

/** Whether the kernel lets us listen. */
export function canReadNetlink(open: OpenRawSocket): boolean {
  try {
    openGroup(open).close()
    return true
  } catch {
    return false
  }
}

function openGroup(open: OpenRawSocket): RawSocket {
  const socket = open(linux.afNetlink, linux.netlinkAudit)
  if (!socket) throw new Error('open an audit socket')
  socket.setOption(linux.solSocket, linux.soRcvbufforce, kernelBytes)
  if (socket.bind(groupAddress)) return socket
  socket.close()
  throw new Error("listen to the kernel's audit: it refuses (CAP_AUDIT_READ)")
}

function linesIn(packet: Buffer): (AuditLine | undefined)[] {
  return readMessages(packet)
    .filter(({ type }) => type >= linux.firstRecord)
    .map(({ type, body }) => parseMessage(typeOf(type), body.toString('utf8').replace(/\0+$/, '')))
}

const linux = { afNetlink: 16, netlinkAudit: 9, solSocket: 1, soRcvbufforce: 33, firstRecord: 1006 }

/** struct sockaddr_nl with the group AUDIT_NLGRP_READLOG, the first bit. */
const groupAddress = Buffer.from([linux.afNetlink, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0])
