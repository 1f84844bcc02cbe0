import { Socket } from 'node:net'
import { importFfi } from '@plexd/runtime'

/** A pipe whose one end is given to a program. */
export interface Pipe extends Disposable {
  reading: Socket
  /** Closed by disposing, when the program has it. */
  writingFd: number
}

export type OpenPipe = () => Pipe

/**
 * Opens pipes for the output of programs. What Node opens by itself are sockets, which a program cannot open by the
 * name /dev/stdout. Rejects if Node has no FFI.
 */
export async function loadOpenPipe(): Promise<OpenPipe> {
  const { dlopen } = await importFfi()
  const { functions: libc } = dlopen(null, {
    pipe2: { arguments: ['buffer', 'int32'], return: 'int32' },
    close: { arguments: ['int32'], return: 'int32' },
  })
  return () => {
    const ends = Buffer.alloc(8)
    if (libc.pipe2(ends, oCloexec) !== 0) throw new Error('open a pipe: no descriptor is free')
    const writingFd = ends.readInt32LE(4)
    return {
      reading: new Socket({ fd: ends.readInt32LE(0), readable: true, writable: false }),
      writingFd,
      [Symbol.dispose]: () => void libc.close(writingFd),
    }
  }
}

/** O_CLOEXEC; the same on all architectures that Node supports. */
const oCloexec = 0o2000000
