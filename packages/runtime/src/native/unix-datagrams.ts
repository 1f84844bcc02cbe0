import { getSystemErrorName } from 'node:util'
import { loadFfi } from './ffi.ts'

/** Sends datagrams to a Unix socket, which Node cannot. */
export interface UnixDatagrams extends Disposable {
  /**
   * Never blocks. Undefined if it was sent, else the name of the error, as `EAGAIN` where the receiver's queue is full and
   * `EMSGSIZE` where the message is too long for a datagram.
   */
  send(message: Uint8Array): string | undefined
}

/** The same on all architectures that Node supports. */
const linux = {
  unix: 1,
  datagram: 2,
  closeOnExec: 0o2000000,
  nonBlocking: 0o4000,
  noSignal: 0x4000,
}

/** What a path takes in a `sockaddr_un`, its closing zero included. */
const maxPathBytes = 108

/**
 * `address` is an absolute path, or `@NAME` for the abstract namespace; nobody needs to listen there yet, or still. Throws if it
 * is neither, if it is too long, and without FFI.
 */
export function openUnixDatagrams(address: string): UnixDatagrams {
  const to = socketAddress(address)
  const { dlopen, getInt32 } = loadFfi()
  const { functions: libc } = dlopen(null, {
    socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
    sendto: {
      arguments: ['int32', 'buffer', 'uint64', 'int32', 'buffer', 'uint32'],
      return: 'int64',
    },
    close: { arguments: ['int32'], return: 'int32' },
    __errno_location: { arguments: [], return: 'pointer' },
  })
  const errorName = (): string => getSystemErrorName(-getInt32(libc.__errno_location()))
  const kind = linux.datagram | linux.closeOnExec | linux.nonBlocking
  const fd = libc.socket(linux.unix, kind, 0)
  if (fd < 0) throw new Error(`open a Unix socket for "${address}": ${errorName()}`)
  return {
    send(message) {
      const size = BigInt(message.length)
      const sent = libc.sendto(fd, message, size, linux.noSignal, to, to.length)
      return sent < 0n ? errorName() : undefined
    },
    [Symbol.dispose]: () => void libc.close(fd),
  }
}

/** unix(7): an abstract name begins with a zero and has no closing one. */
function socketAddress(address: string): Buffer {
  const isAbstract = /^@./.test(address)
  if (!isAbstract && !address.startsWith('/'))
    throw new Error(
      `send to Unix socket "${address}": want an absolute path, or @NAME for an abstract one`,
    )
  const path = isAbstract ? Buffer.from(`\0${address.slice(1)}`) : Buffer.from(`${address}\0`)
  if (path.length > maxPathBytes)
    throw new Error(
      `send to Unix socket "${address}": its name has ${path.length} bytes, ${maxPathBytes} are possible`,
    )
  const family = Buffer.alloc(2)
  // In the byte order of the machine, which is this one everywhere that Node runs on.
  family.writeUInt16LE(linux.unix)
  return Buffer.concat([family, path])
}
