import { loadFfi } from '../native/ffi.ts'

/** A Unix socket that takes datagrams, as that of a service manager. */
export interface DatagramReceiver extends Disposable {
  /** Those that came since the last call. */
  read(): Buffer[]
}

const linux = { unix: 1, datagram: 2, closeOnExec: 0o2000000, dontWait: 0x40 }
const maxBytes = 256 * 1024

/** `address` is a path, or `@NAME`. Nothing is read before it is asked for. */
export function receiveDatagrams(address: string): DatagramReceiver {
  const { functions: libc } = loadFfi().dlopen(null, {
    socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
    bind: { arguments: ['int32', 'buffer', 'uint32'], return: 'int32' },
    recv: { arguments: ['int32', 'buffer', 'uint64', 'int32'], return: 'int64' },
    close: { arguments: ['int32'], return: 'int32' },
  })
  const fd = libc.socket(linux.unix, linux.datagram | linux.closeOnExec, 0)
  const name = address.startsWith('@') ? `\0${address.slice(1)}` : `${address}\0`
  const to = Buffer.concat([Buffer.from([linux.unix, 0]), Buffer.from(name)])
  if (libc.bind(fd, to, to.length) !== 0) throw new Error(`bind "${address}"`)
  const buffer = Buffer.alloc(maxBytes)
  return {
    read() {
      const messages: Buffer[] = []
      for (;;) {
        const bytes = Number(libc.recv(fd, buffer, BigInt(maxBytes), linux.dontWait))
        if (bytes < 0) return messages
        messages.push(Buffer.from(buffer.subarray(0, bytes)))
      }
    },
    [Symbol.dispose]: () => void libc.close(fd),
  }
}
