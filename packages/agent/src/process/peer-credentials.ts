import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describeError, importFfi, type Log } from '@plexd/runtime'

export interface PeerCredentials {
  readonly uid: number
  readonly gid: number
  /** Supplementary groups of the process when it connected. */
  readonly groups: readonly number[]
}

/** The process at the other end of a Unix socket, as it was when it connected; undefined when it cannot be known. */
export type ReadPeerCredentials = (socket: Socket) => PeerCredentials | undefined

/** Constants of Linux on all architectures that Node runs on, but for some that it does not support. */
const solSocket = 1
const soPeerCred = 17
const soPeerGroups = 59
const erange = 34

/** Reads them from the kernel through the C library. Where that is not possible, nobody's are known. */
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

type GetOption = (fd: number, option: number, size: number) => Buffer | number

/** Gives a function that reads an option of a socket: its bytes, or the number of bytes that it needs. */
function bindGetOption({ dlopen, getInt32 }: Ffi): GetOption {
  const { functions: libc } = dlopen(null, {
    getsockopt: {
      arguments: ['int32', 'int32', 'int32', 'buffer', 'buffer'],
      return: 'int32',
    },
    __errno_location: { arguments: [], return: 'pointer' },
  })

  return (fd, option, size) => {
    const value = Buffer.alloc(size)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(size)
    const failed = libc.getsockopt(fd, solSocket, option, value, length) !== 0
    const needed = length.readUInt32LE()
    if (!failed) return value.subarray(0, needed)
    // JavaScript runs between the call and the reading of errno, so the length alone tells as well.
    if (needed > size || getInt32(libc.__errno_location()) === erange) return needed
    throw new Error(`getsockopt ${option} failed`)
  }
}

/** The id of the process that listens on a Unix socket, as `listenerOf`; 0 also when nobody listens. */
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

/**
 * The id, as it is here, of the process that listens at the other end of a connection; 0 for one of a namespace that
 * is not seen from here, undefined when it cannot be known.
 */
async function listenerOf(socket: Socket): Promise<number | undefined> {
  try {
    const credentials = bindGetOption(await importFfi())(descriptorOf(socket), soPeerCred, 12)
    return typeof credentials === 'number' ? undefined : credentials.readInt32LE(0)
  } catch {
    return undefined
  }
}

function bindPeerCredentials(ffi: Ffi): ReadPeerCredentials {
  const getOption = bindGetOption(ffi)

  function readGroups(fd: number): number[] {
    let value = getOption(fd, soPeerGroups, 256)
    if (typeof value === 'number') value = getOption(fd, soPeerGroups, value)
    if (typeof value === 'number')
      throw new Error('the groups of the peer changed while being read')
    const bytes = value
    return Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readUInt32LE(4 * at))
  }

  return (socket) => {
    try {
      const fd = descriptorOf(socket)
      const credentials = getOption(fd, soPeerCred, 12)
      if (typeof credentials === 'number' || credentials.length !== 12) return undefined
      const [uid, gid] = [credentials.readUInt32LE(4), credentials.readUInt32LE(8)]
      return { uid, gid, groups: readGroups(fd) }
    } catch {
      return undefined // whoever asks for more than that is refused
    }
  }
}

/** Node has no public way to the descriptor. */
function descriptorOf(socket: Socket): number {
  const fd = (socket as { _handle?: { fd?: unknown } })._handle?.fd // private, hence checked
  if (typeof fd !== 'number' || fd < 0) throw new Error('the socket has no descriptor')
  return fd
}
