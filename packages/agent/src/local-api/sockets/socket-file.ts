import { statSync } from 'node:fs'
import { lstat, rm } from 'node:fs/promises'
import type { Server } from 'node:net'
import { dirname } from 'node:path'
import { type Clock, describeError, errorCodeOf, type Log } from '@plexd/runtime'
import { makeOpenFolder } from '../../disk/open-folder.ts'
import type { Problems } from '../../health/problems.ts'
import { isAnswered } from '../../process/sockets/unix-listener.ts'
import { startRounds } from '../../process/task.ts'
import { type BoundSocket, bindSocket } from './bound-socket.ts'
import { createFronts } from './fronts.ts'

export interface SocketFileOptions {
  path: string
  /** The group that may connect, by its name. */
  group: string
  /** Its id; undefined when there is none. */
  findGroup(): Promise<number | undefined>
  problems: Pick<Problems, 'set' | 'clear'>
  clock: Pick<Clock, 'every'>
  log: Log
}

/** Disposing removes the file, and stops watching it and the group. */
export interface SocketFile extends AsyncDisposable {
  /** Closes the listeners of recreated files; resolves when their last connection has ended. */
  close(): Promise<void>
}

/**
 * Makes a server listen on a Unix socket: 0660 for root and the group, or 0600 without the group. It is never open to
 * others, not even briefly. The group gets access once it has been looked up, which is the slowest step, or when it is
 * created later. A stale socket is replaced; one that answers is an error, and so is any other file at the path. If the
 * socket is removed, alone or with its folder, it is created again within about a second.
 */
export async function listenOnSocket(
  server: Server,
  options: SocketFileOptions,
): Promise<SocketFile> {
  const { path, group, log } = options
  if (Buffer.byteLength(path) > maxPathBytes)
    throw new Error(
      `listen on "${path}": no program can connect to a path of more than ${maxPathBytes} bytes: choose another place with --socket`,
    )
  const first = await open(server, options).catch((error: unknown) => {
    server.close()
    throw error
  })
  if (first.gid === undefined)
    log.warn('only root can use the local API as long as there is no such group', {
      group,
      socket: path,
    })
  return keepSocket(server, first, options)
}

/** A socket in its place, and the id of the group that has access. */
interface OpenSocket {
  bound: BoundSocket
  gid: number | undefined
}

async function open(server: Server, options: SocketFileOptions): Promise<OpenSocket> {
  await openFolderOf(options.path)
  await removeStale(options.path)
  const bound = await bind(server, options.path)
  return { bound, gid: await openToGroup(options, bound) }
}

/** The size of `sun_path` without its final zero (unix(7)). */
const maxPathBytes = 107

async function bind(server: Server, path: string): Promise<BoundSocket> {
  try {
    return await bindSocket(server, path)
  } catch (cause) {
    if (errorCodeOf(cause) === 'EEXIST')
      throw new Error(`listen on "${path}": another process was quicker, is plexd running already?`)
    throw new Error(`listen on "${path}"`, { cause })
  }
}

/** How often the socket is checked; the group file every third time, and directory services every sixtieth. */
const lookEachMs = 1_000
const groupsEach = 3
const askEach = 60

/** Keeps the socket in its place, and accessible to the group, even if that is created later or gets another id. */
function keepSocket(server: Server, first: OpenSocket, options: SocketFileOptions): SocketFile {
  let current = first
  const fronts = createFronts(server)

  /** The server still listens on the first socket, even if it was moved: once moved back, it is used again. */
  async function lookAfter(): Promise<void> {
    if (current.bound.isInPlace()) options.problems.clear(problemName)
    else if (first.bound.isInPlace()) await takeBack()
    else await remake()
  }

  async function takeBack(): Promise<void> {
    await replaceBy(first)
    options.problems.clear(problemName)
    options.log.warn('the socket of the local API was moved, and is back in its place', {
      socket: options.path,
    })
    await followGroup()
  }

  async function followGroup(): Promise<void> {
    current.gid = (await openToGroup(options, current.bound, current.gid)) ?? current.gid
  }

  async function replaceBy(next: OpenSocket, front?: Server): Promise<void> {
    if (current !== first) await current.bound[Symbol.asyncDispose]()
    current = next
    fronts.keepOnly(front)
  }

  async function remake(): Promise<void> {
    const front = fronts.make()
    try {
      await replaceBy(await open(front, options), front)
      options.problems.clear(problemName)
      options.log.warn('the socket of the local API was removed, and is there again', {
        socket: options.path,
      })
    } catch (error) {
      fronts.drop(front)
      options.problems.set(problemName, describeLoss(options.path, error))
    }
  }

  let seen = dateOfGroups()
  let looks = 0
  const following = startRounds({ clock: options.clock, ms: lookEachMs }, async () => {
    looks++
    await lookAfter()
    const date = looks % groupsEach === 0 ? dateOfGroups() : seen
    if (date === seen && looks % askEach !== 0) return
    seen = date
    await followGroup()
  })
  return {
    close: fronts.close,
    async [Symbol.asyncDispose]() {
      await following[Symbol.asyncDispose]()
      for (const { bound } of new Set([current, first])) await bound[Symbol.asyncDispose]()
    },
  }
}

const problemName = 'local-api-socket'

function describeLoss(path: string, error: unknown): string {
  return `the socket of the local API was removed, and cannot be made again: ${describeError(error)}: make room for it at "${path}", or restart plexd`
}

/** Synchronous: each file operation that Node waits for wakes two threads. */
function dateOfGroups(): string {
  try {
    const { ino, mtimeNs, ctimeNs } = statSync('/etc/group', { bigint: true })
    return `${ino} ${mtimeNs} ${ctimeNs}`
  } catch {
    return ''
  }
}

async function openFolderOf(path: string): Promise<void> {
  try {
    await makeOpenFolder(dirname(path))
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

/** Returns the group's id, if there is one. Does nothing if the group already has access. */
async function openToGroup(
  { path, group, findGroup, log }: SocketFileOptions,
  socket: BoundSocket,
  opened?: number,
): Promise<number | undefined> {
  const gid = await findGroup()
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
