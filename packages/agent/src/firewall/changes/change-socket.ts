import { importFfi } from '@plexd/runtime'
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
  const { dlopen } = await importFfi()
  const { functions: libc } = dlopen(null, {
    socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
    bind: { arguments: ['int32', 'buffer', 'int32'], return: 'int32' },
    setsockopt: { arguments: ['int32', 'int32', 'int32', 'buffer', 'int32'], return: 'int32' },
    getsockopt: { arguments: ['int32', 'int32', 'int32', 'buffer', 'buffer'], return: 'int32' },
    recv: { arguments: ['int32', 'buffer', 'uint64', 'int32'], return: 'int64' },
    close: { arguments: ['int32'], return: 'int32' },
  })

  function open(): ChangeSocket {
    const fd = libc.socket(linux.afNetlink, linux.sockRaw | linux.sockCloexec, linux.netfilter)
    if (fd < 0) throw new Error('open netlink socket')
    // Room for the announcement of a large ruleset; without permission for that the default has to do.
    libc.setsockopt(fd, linux.solSocket, linux.soRcvbufforce, int32(8 * 1024 * 1024), 4)
    if (libc.bind(fd, groupAddress(), 12) !== 0) {
      libc.close(fd)
      throw new Error('join the netlink group of nftables')
    }
    const datagram = Buffer.alloc(64 * 1024)

    /** The kernel reports it once, as an error of the socket. */
    function overran(): boolean {
      const error = int32(0)
      libc.getsockopt(fd, linux.solSocket, linux.soError, error, int32(4))
      return error.readInt32LE() !== 0
    }

    function read(): FilterNews | 'overrun' {
      const lost = overran()
      const all: FilterNews = { changes: [], authors: [] }
      for (let count = 0; count < maxDatagrams; count++) {
        const bytes = libc.recv(fd, datagram, BigInt(datagram.length), linux.msgDontwait)
        if (bytes <= 0) break
        const { changes, authors } = parseFilterNews(datagram.subarray(0, Number(bytes)))
        all.changes.push(...changes)
        all.authors.push(...authors)
      }
      return lost ? 'overrun' : all
    }

    return { read, close: () => void libc.close(fd) }
  }

  return open
}

/** The maximum per call; the rest is read at the next one. */
const maxDatagrams = 1_000

const linux = {
  afNetlink: 16,
  sockRaw: 3,
  sockCloexec: 0o2000000,
  netfilter: 12,
  solSocket: 1,
  soError: 4,
  soRcvbufforce: 33,
  msgDontwait: 0x40,
}

/** struct sockaddr_nl with the group NFNLGRP_NFTABLES, the seventh bit. */
function groupAddress(): Buffer {
  const address = Buffer.alloc(12)
  address.writeUInt16LE(linux.afNetlink, 0)
  address.writeUInt32LE(1 << 6, 8)
  return address
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32LE(value)
  return buffer
}
