import { type Clock, describeError, type Log } from '@plexd/runtime'
import { importFfi } from '../ffi.ts'
import { startTask } from '../task.ts'
import { parseTableChanges, type TableChange } from './netlink-message.ts'

export interface TableWatchOptions {
  /** Names of the tables that are ours. */
  tables: readonly string[]
  /** Whether this process changed them on our behalf. */
  isOurs: (processId: number) => boolean
  /** Somebody else changed a table of ours, or so much happened that the kernel could not tell us all. */
  onChange: () => void
  clock: Clock
  log: Log
}

/**
 * Hears of changes to the packet filter as the kernel announces them, within a tenth of a second.
 *
 * It reads the netlink group itself rather than the output of `nft monitor`: nft 1.0.6 prints memory that it does not
 * own when it describes elements of our kind of map. Node cannot wait for such a socket, so it is looked at ten times
 * a second, 5 us each. Where Node has no FFI nothing is heard, and changes wait for the next reconciliation.
 */
export async function startTableWatch(options: TableWatchOptions): Promise<AsyncDisposable> {
  const { tables, isOurs, onChange, clock, log } = options
  const socket = await openSocket(log)
  if (!socket) return { async [Symbol.asyncDispose]() {} }
  const isForeign = ({ portId, table }: TableChange): boolean =>
    tables.includes(table) && !isOurs(portId)

  const task = startTask(async (signal) => {
    for (;;) {
      await clock.sleep(intervalMs, signal)
      const news = socket.read()
      if (news === 'overrun' || news.some(isForeign)) onChange()
    }
  })
  return {
    async [Symbol.asyncDispose]() {
      await task[Symbol.asyncDispose]()
      socket.close()
    },
  }
}

const intervalMs = 100

interface ChangeSocket {
  /** All that has come since the last call. */
  read(): TableChange[] | 'overrun'
  close(): void
}

async function openSocket(log: Log): Promise<ChangeSocket | undefined> {
  try {
    return await bindSocket()
  } catch (error) {
    const reason = describeError(error)
    log.warn('firewall is not watched, changes by others stay until the next reconciliation', {
      error: reason,
    })
    return undefined
  }
}

async function bindSocket(): Promise<ChangeSocket> {
  const { dlopen } = await importFfi()
  const { functions: libc } = dlopen(null, {
    socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
    bind: { arguments: ['int32', 'buffer', 'int32'], return: 'int32' },
    setsockopt: { arguments: ['int32', 'int32', 'int32', 'buffer', 'int32'], return: 'int32' },
    getsockopt: { arguments: ['int32', 'int32', 'int32', 'buffer', 'buffer'], return: 'int32' },
    recv: { arguments: ['int32', 'buffer', 'uint64', 'int32'], return: 'int64' },
    close: { arguments: ['int32'], return: 'int32' },
  })
  const fd = libc.socket(linux.afNetlink, linux.sockRaw | linux.sockCloexec, linux.netfilter)
  if (fd < 0) throw new Error('open netlink socket')
  // Room for what a big ruleset announces; without the right to ask for it the default must do.
  libc.setsockopt(fd, linux.solSocket, linux.soRcvbufforce, int32(8 * 1024 * 1024), 4)
  if (libc.bind(fd, groupAddress(), 12) !== 0) {
    libc.close(fd)
    throw new Error('join the netlink group of nftables')
  }
  const datagram = Buffer.alloc(64 * 1024)

  /** The kernel says so once, as an error of the socket. */
  function overran(): boolean {
    const error = int32(0)
    libc.getsockopt(fd, linux.solSocket, linux.soError, error, int32(4))
    return error.readInt32LE() !== 0
  }

  function read(): TableChange[] | 'overrun' {
    const lost = overran()
    const changes: TableChange[] = []
    for (let count = 0; count < maxDatagrams; count++) {
      const bytes = libc.recv(fd, datagram, BigInt(datagram.length), linux.msgDontwait)
      if (bytes <= 0) break
      changes.push(...parseTableChanges(datagram.subarray(0, Number(bytes))))
    }
    return lost ? 'overrun' : changes
  }

  return { read, close: () => void libc.close(fd) }
}

/** So many at a time; what is left then is read at the next look. */
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
