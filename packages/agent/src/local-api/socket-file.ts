import { constants } from 'node:fs'
import { lstat, open, rm, stat } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { type Clock, describeError, errorCodeOf, type Log, makeFolder } from '@plexd/runtime'
import { startTask } from '../task.ts'
import { type BoundSocket, bindSocket } from './bound-socket.ts'

export interface SocketFileOptions {
  path: string
  /** The group that may connect, by its name. */
  group: string
  /** Its id; undefined when there is none. */
  findGroup(name: string): Promise<number | undefined>
  clock: Pick<Clock, 'sleep'>
  log: Log
}

/**
 * Makes a server listen on a Unix socket: 0660 for root and the group, or 0600 without it. It is never open to others,
 * not for a moment; to the group it is when that has been looked up, which takes longer than all the rest, or when it is
 * made later. A socket that a dead process left is replaced; one that answers is an error, and so is anything else in
 * that place. Disposing removes the file, and ends the looking for the group.
 */
export async function listenOnSocket(
  server: Server,
  options: SocketFileOptions,
): Promise<AsyncDisposable> {
  const { path } = options
  if (Buffer.byteLength(path) > maxPathBytes)
    throw new Error(
      `listen on "${path}": no program can connect to a path of more than ${maxPathBytes} bytes: choose another place with --socket`,
    )
  await openFolderOf(path)
  await removeStale(path)
  await using stack = new AsyncDisposableStack()
  const socket = stack.use(await bind(server, path))
  const gid = await openToGroup(options, socket)
  if (gid === undefined)
    options.log.warn('only root can use the local API as long as there is no such group', {
      group: options.group,
      socket: path,
    })
  stack.use(startTask((signal) => followGroup(options, socket, gid, signal)))
  return stack.move()
}

/** Of `sun_path`, with a zero behind it (unix(7)). */
const maxPathBytes = 107

async function bind(server: Server, path: string): Promise<BoundSocket> {
  try {
    return await bindSocket(server, path)
  } catch (cause) {
    server.close()
    if (errorCodeOf(cause) === 'EEXIST')
      throw new Error(`listen on "${path}": another process was quicker, is plexd running already?`)
    throw new Error(`listen on "${path}"`, { cause })
  }
}

/** A file of groups costs a look at its date; a directory in the network is asked now and then. */
const lookEachMs = 3_000
const askEach = 20

/** Until the end: a group that is made, or made anew under another number, gets the socket. */
async function followGroup(
  options: SocketFileOptions,
  socket: BoundSocket,
  first: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  let opened = first
  let seen = await dateOfGroups()
  for (let look = 1; ; look++) {
    await options.clock.sleep(lookEachMs, signal)
    const date = await dateOfGroups()
    if (date === seen && look % askEach !== 0) continue
    seen = date
    opened = (await openToGroup(options, socket, opened)) ?? opened
  }
}

async function dateOfGroups(): Promise<string> {
  const found = await stat('/etc/group', { bigint: true }).catch(() => undefined)
  return found ? `${found.ino} ${found.mtimeNs} ${found.ctimeNs}` : ''
}

async function openFolderOf(path: string): Promise<void> {
  const folder = dirname(path)
  try {
    // Only what was made here: the mode of a folder that was there is someone's decision.
    if (makeFolder(folder, 0o755)) await openToAll(folder)
  } catch (error) {
    const why = describeError(error)
    throw new Error(`listen on "${path}": ${why}: choose another place with --socket`)
  }
}

/** Whatever the umask took away; of the folder that is ours, not of one that came into its place. */
async function openToAll(folder: string): Promise<void> {
  await using made = await open(folder, constants.O_DIRECTORY | constants.O_NOFOLLOW)
  const { uid } = await made.stat()
  if (uid === process.geteuid?.()) await made.chmod(0o755)
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (!found) return
  if (!found.isSocket())
    throw new Error(`listen on "${path}": there is something that is not a socket, remove it`)
  if (await isAnswered(path))
    throw new Error(`listen on "${path}": another process serves it, is plexd running already?`)
  await rm(path, { force: true })
}

async function isAnswered(path: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  const socket = connect(path, () => resolve(true))
  socket.on('error', (cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ECONNREFUSED' || cause.code === 'ENOENT') resolve(false)
    // A full queue of connections: somebody listens, however busy.
    else if (cause.code === 'EAGAIN') resolve(true)
    else reject(new Error(`listen on "${path}": find out whether it is in use`, { cause }))
  })
  return promise.finally(() => socket.destroy())
}

/** Gives the group's id, if there is one; does nothing where the socket has it already. */
async function openToGroup(
  { path, group, findGroup, log }: SocketFileOptions,
  socket: BoundSocket,
  opened?: number,
): Promise<number | undefined> {
  const gid = await findGroup(group)
  if (gid === undefined || gid === opened) return gid
  try {
    await socket.giveTo(gid)
    if (opened === undefined) log.debug('the group can use the local API', { group, socket: path })
  } catch (error) {
    log.warn('the socket cannot be given to the group, only its owner can use the local API', {
      group,
      socket: path,
      error: describeError(error),
    })
  }
  return gid
}
