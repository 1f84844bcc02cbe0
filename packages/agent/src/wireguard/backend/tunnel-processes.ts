import { readdir, readFile, readlink, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import {
  identify,
  ifUnseen,
  isInOurNetwork,
  type ProcessIdentity,
} from '../../process/process-identity.ts'
import { listProcesses } from '../../process/process-list.ts'
import { listenerAt } from '../../process/sockets/peer-credentials.ts'

/** A process of this network namespace that listens on the socket of our interface's wireguard-go. */
export interface TunnelProcess extends ProcessIdentity {
  /** Whether it has a tunnel open, even if its interface was deleted; otherwise it is no wireguard-go. */
  drives: boolean
  /** The current name. */
  interfaceName?: string
}

/**
 * The processes that listen on this socket, even if its file was removed: found by their descriptors, not by the name of a
 * program. The kernel lists only the sockets of this network namespace.
 */
export async function findTunnelProcesses(socketPath: string): Promise<TunnelProcess[]> {
  const found = await findListeners(await spellings(socketPath))
  return found.every(({ drives }) => drives) ? found : withoutDisplaced(found, socketPath)
}

/** The process that drives the interface; asks the socket first, because going through all processes may take long. */
export async function findDriver(socketPath: string): Promise<TunnelProcess | undefined> {
  const sockets = await listedAt(await spellings(socketPath))
  const pid = sockets.size > 0 ? await listenerAt(socketPath) : 0
  const asked = pid ? await look(pid, sockets) : undefined
  if (asked?.drives) return asked
  return (await findTunnelProcesses(socketPath)).find(({ drives }) => drives)
}

async function findListeners(paths: readonly string[]): Promise<TunnelProcess[]> {
  const sockets = await listedAt(paths)
  if (sockets.size === 0) return []
  const found: TunnelProcess[] = []
  // One after another, because there may be thousands.
  for (const pid of await listProcesses()) {
    const process_ = await look(pid, sockets)
    if (process_) found.push(process_)
  }
  return found
}

/** The listening sockets, as a descriptor's link shows them. */
async function listedAt(paths: readonly string[]): Promise<ReadonlySet<string>> {
  const text = await readFile('/proc/net/unix', 'utf8').catch(ifUnseen(''))
  return new Set(listenersAt(paths, text).map((inode) => `socket:[${inode}]`))
}

/** A process without a tunnel is no obstacle if another socket has replaced its own. */
async function withoutDisplaced(
  found: readonly TunnelProcess[],
  socketPath: string,
): Promise<TunnelProcess[]> {
  const listener = await listenerAt(socketPath)
  return found.filter(({ drives, pid }) => drives || listener === undefined || pid === listener)
}

/** The kernel lists a path as it was bound, and `/var/run` is usually a link to `/run`. */
async function spellings(path: string): Promise<string[]> {
  const folder = await realpath(dirname(path)).catch(() => dirname(path))
  return [path, join(folder, basename(path))]
}

/** The inodes of the sockets that listen at one of these paths, from /proc/net/unix. Pure. */
export function listenersAt(paths: readonly string[], text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const [, , , flags, , , inode, ...path] = line.trim().split(/\s+/)
    const isListening = (Number.parseInt(flags ?? '0', 16) & acceptsConnections) !== 0
    return isListening && inode !== undefined && paths.includes(path.join(' ')) ? [inode] : []
  })
}

/** __SO_ACCEPTCON, in include/uapi/linux/net.h */
const acceptsConnections = 1 << 16

async function look(pid: number, sockets: ReadonlySet<string>): Promise<TunnelProcess | undefined> {
  const before = await identify(pid)
  const held = await descriptorsOf(pid)
  if (!before || ![...held.values()].some((what) => sockets.has(what))) return undefined
  if (!(await isInOurNetwork(pid))) return undefined
  const tunnel = await tunnelOf(pid, held)
  const after = await identify(pid)
  return after?.startTicks === before.startTicks ? { ...before, ...tunnel } : undefined
}

/** Number -> target, as `socket:[1234]` or a path; empty if it is gone or not readable. */
async function descriptorsOf(pid: number): Promise<Map<string, string>> {
  const folder = `/proc/${pid}/fd`
  const names = await readdir(folder).catch(ifUnseen([]))
  const held = await Promise.all(
    names.map(
      async (name) => [name, await readlink(`${folder}/${name}`).catch(ifUnseen(''))] as const,
    ),
  )
  return new Map(held)
}

async function tunnelOf(
  pid: number,
  held: ReadonlyMap<string, string>,
): Promise<Pick<TunnelProcess, 'drives' | 'interfaceName'>> {
  const [fd] = [...held].find(([, what]) => what === '/dev/net/tun') ?? []
  if (fd === undefined) return { drives: false }
  const info = await readFile(`/proc/${pid}/fdinfo/${fd}`, 'utf8').catch(ifUnseen(''))
  const interfaceName = interfaceIn(info)
  return { drives: true, ...(interfaceName === undefined ? {} : { interfaceName }) }
}

/** The interface of an open /dev/net/tun, from /proc/PID/fdinfo. Pure. */
export function interfaceIn(text: string): string | undefined {
  return /^iff:\t(\S+)$/m.exec(text)?.[1]
}
