import { Socket } from 'node:net'
import { importFfi } from '@plexd/runtime'

/**
 * Lets Node wait for a descriptor of a kind that it does not know, such as a netlink socket: it is given the reading end
 * of a pipe, which is replaced by a duplicate of the descriptor before it waits. The descriptor must not block. What is
 * read arrives as data, a packet at a time, and a failure to read as an error, which closes the duplicate only.
 */
export type AdoptDescriptor = (fd: number) => Socket

/** Rejects if Node has no FFI. */
export async function loadAdoptDescriptor(): Promise<AdoptDescriptor> {
  const { dlopen } = await importFfi()
  const { functions: libc } = dlopen(null, {
    pipe2: { arguments: ['buffer', 'int32'], return: 'int32' },
    dup3: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
    close: { arguments: ['int32'], return: 'int32' },
  })

  return (fd) => {
    const ends = Buffer.alloc(8)
    if (libc.pipe2(ends, oCloexec) !== 0) throw new Error('open a pipe')
    const [reading, writing] = [ends.readInt32LE(0), ends.readInt32LE(4)]
    const socket = new Socket({ fd: reading, readable: true, writable: false })
    const isReplaced = libc.dup3(fd, reading, oCloexec) >= 0
    libc.close(writing)
    if (isReplaced) return socket
    socket.destroy()
    throw new Error('duplicate a descriptor')
  }
}

/** O_CLOEXEC; the same on all architectures that Node supports. */
const oCloexec = 0o2000000
