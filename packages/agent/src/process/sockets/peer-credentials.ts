import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describeError, importFfi, type Log } from '@plexd/runtime'

export interface PeerCredentials {
  readonly uid: number
  readonly gid: number
  /** Supplementary groups of the process when it connected. */
  readonly groups: readonly number[]
}

/** The credentials of the process at the other end of a Unix socket when it connected; undefined if unknown. */
export type ReadPeerCredentials = (socket: Socket) => PeerCredentials | undefined

/** The same on all architectures that Node supports. */
const linux = { solSocket: 1, soPeerCred: 17, soPeerGroups: 59, erange: 34 }

/** Reads them from the kernel through the C library. Where that is not possible, all are unknown. */
export async function loadPeerCredentials(log: Log): Promise<ReadPeerCredentials> {
  try {
    return bindPeerCredentials(await importFfi())
  } catch (error) {
    log.warn('peer credentials are not available: only the token can read secrets', {
      error: describeError(error),
    })
    return () => undefined
  }
}

type Ffi = typeof import('node:ffi')

/** Returns a function that reads an option of a socket. */
function bindGetOption({ dlopen, getInt32 }: Ffi): (fd: number, option: number) => Buffer {
  const { functions: libc } = dlopen(null, {
    getsockopt: {
      arguments: ['int32', 'int32', 'int32', 'buffer', 'buffer'],
      return: 'int32',
    },
    __errno_location: { arguments: [], return: 'pointer' },
  })

  return (fd, option) => {
    let size = 256
    for (let attempt = 1; attempt <= 2; attempt++) {
      const value = Buffer.alloc(size)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(size)
      const failed = libc.getsockopt(fd, linux.solSocket, option, value, length) !== 0
      const needed = length.readUInt32LE()
      if (!failed) return value.subarray(0, needed)
      // JavaScript runs between the call and the reading of errno, so a greater length is a sign of ERANGE too.
      if (needed <= size && getInt32(libc.__errno_location()) !== linux.erange) break
      size = needed
    }
    throw new Error(`getsockopt ${option} failed`)
  }
}

/** The id of the process that listens on a Unix socket, as `listenerOf`; 0 also if there is none. */
export async function listenerAt(path: string): Promise<number | undefined> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return await listenerOf(socket)
  } catch {
    return 0
  } finally {
    socket.destroy()
  }
}

/** In our PID namespace, 0 if the process is not visible there; undefined if unknown. */
async function listenerOf(socket: Socket): Promise<number | undefined> {
  try {
    return bindGetOption(await importFfi())(descriptorOf(socket), linux.soPeerCred).readInt32LE(0)
  } catch {
    return undefined
  }
}

function bindPeerCredentials(ffi: Ffi): ReadPeerCredentials {
  const getOption = bindGetOption(ffi)
  return (socket) => {
    try {
      const fd = descriptorOf(socket)
      // struct ucred: pid, uid, gid
      const credentials = getOption(fd, linux.soPeerCred)
      if (credentials.length !== 12) return undefined
      const groups = getOption(fd, linux.soPeerGroups)
      return {
        uid: credentials.readUInt32LE(4),
        gid: credentials.readUInt32LE(8),
        groups: Array.from({ length: groups.length / 4 }, (_, at) => groups.readUInt32LE(4 * at)),
      }
    } catch {
      return undefined // access to anything that needs them is denied
    }
  }
}

/** Node has no public way to get it. */
function descriptorOf(socket: Socket): number {
  const fd = (socket as { _handle?: { fd?: unknown } })._handle?.fd // private, hence checked
  if (typeof fd !== 'number' || fd < 0) throw new Error('the socket has no descriptor')
  return fd
}
