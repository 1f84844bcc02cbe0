import { loadRawSocket } from '../../process/sockets/raw-socket.ts'
import { type FilterNews, parseFilterNews } from './netlink-message.ts'

/** A socket on which the kernel announces packet filter changes in the network namespace where it was opened. */
export interface ChangeSocket {
  /** Calls back with what is announced from then on, and with `overrun` if some of it was lost. Called once. */
  follow(onNews: (news: FilterNews | 'overrun') => void): void
  close(): void
}

/**
 * Opens such sockets. Reads the netlink group directly instead of `nft monitor`, because nft 1.0.6 prints
 * memory that it does not own when it describes elements of our kind of map. Rejects if Node has no FFI.
 */
export async function loadChangeSocket(): Promise<() => ChangeSocket> {
  const openRaw = await loadRawSocket()

  return () => {
    const socket = openRaw(linux.afNetlink, linux.netfilter)
    if (!socket) throw new Error('open netlink socket')
    // Room for the announcement of a large ruleset; without permission for that the default has to do.
    socket.setOption(linux.solSocket, linux.soRcvbufforce, 8 * 1024 * 1024)
    if (!socket.bind(groupAddress())) {
      socket.close()
      throw new Error('join the netlink group of nftables')
    }

    return {
      follow: (onNews) =>
        socket.follow((packet) => onNews(packet === 'overrun' ? packet : parseFilterNews(packet))),
      close: socket.close,
    }
  }
}

const linux = {
  afNetlink: 16,
  netfilter: 12,
  solSocket: 1,
  soRcvbufforce: 33,
}

/** struct sockaddr_nl with the group NFNLGRP_NFTABLES, the seventh bit. */
function groupAddress(): Buffer {
  const address = Buffer.alloc(12)
  address.writeUInt16LE(linux.afNetlink, 0)
  address.writeUInt32LE(1 << 6, 8)
  return address
}
