import { chmod, chown, lstat, rm } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { describeError, type Log, makeFolder } from '@plexd/runtime'

export interface SocketFileOptions {
  path: string
  /** The group that may connect, by its name. */
  group: string
  /** Its id; undefined when there is none. */
  findGroup(name: string): Promise<number | undefined>
  log: Log
}

/**
 * Makes a server listen on a Unix socket: 0660 for root and the group, or 0600 without it. It is never open to others,
 * not for a moment; to the group it is when that has been looked up, which takes longer than all the rest. A socket that
 * a dead process left is replaced; one that answers is an error, and so is anything else in that place. Closing the
 * server removes the file.
 */
export async function listenOnSocket(server: Server, options: SocketFileOptions): Promise<void> {
  const { path } = options
  await openFolderOf(path)
  await removeStale(path)
  await listen(server, path)
  await openToGroup(options)
}

async function openFolderOf(path: string): Promise<void> {
  const folder = dirname(path)
  try {
    // Only what was made here: the mode of a folder that was there is someone's decision.
    if (makeFolder(folder, 0o755)) await chmod(folder, 0o755)
  } catch (error) {
    const why = describeError(error)
    throw new Error(`listen on "${path}": ${why}: choose another place with --socket`)
  }
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

async function listen(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject).once('listening', resolve)
  // The file is made inside the call, so the mask is back before anything else runs.
  const mask = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(mask)
  }
  try {
    await promise
  } catch (cause) {
    throw new Error(`listen on "${path}"`, { cause })
  } finally {
    server.off('error', reject)
  }
}

async function openToGroup({ path, group, findGroup, log }: SocketFileOptions): Promise<void> {
  const gid = await findGroup(group)
  if (gid === undefined) {
    log.warn('only root can use the local API: make the group and restart', { group, socket: path })
    return
  }
  try {
    await chown(path, process.getuid?.() ?? 0, gid)
    await chmod(path, 0o660)
  } catch (error) {
    log.warn('the socket cannot be given to the group, only its owner can use the local API', {
      group,
      socket: path,
      error: describeError(error),
    })
  }
}
