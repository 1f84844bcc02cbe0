import { loadRawSocket } from '../../process/raw-socket.ts'
import { type FilterNews, parseFilterNews } from './netlink-message.ts'

/** A socket on which the kernel announces packet filter changes in the network namespace where it was opened. */
export interface ChangeSocket {
  /** Everything since the last call, or `overrun` if some of it was lost. */
  read(): FilterNews | 'overrun'
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
      read() {
        // An overrun is reported once, as an error of the socket.
        const isOverrun = socket.option(linux.solSocket, linux.soError) !== 0
        const news = socket.read().map(parseFilterNews)
        if (isOverrun) return 'overrun'
        return {
          changes: news.flatMap(({ changes }) => changes),
          authors: news.flatMap(({ authors }) => authors),
        }
      },
      close: socket.close,
    }
  }
}

const linux = {
  afNetlink: 16,
  netfilter: 12,
  solSocket: 1,
  soError: 4,
  soRcvbufforce: 33,
}

/** struct sockaddr_nl with the group NFNLGRP_NFTABLES, the seventh bit. */
function groupAddress(): Buffer {
  const address = Buffer.alloc(12)
  address.writeUInt16LE(linux.afNetlink, 0)
  address.writeUInt32LE(1 << 6, 8)
  return address
}
