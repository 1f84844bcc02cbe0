import { once } from 'node:events'
import { constants, fstatSync, lstatSync } from 'node:fs'
import { chmod, chown, type FileHandle, link, mkdir, open, rm, rmdir } from 'node:fs/promises'
import type { Server } from 'node:net'
import { basename, dirname } from 'node:path'

/** A socket file, held open by a descriptor: the methods act on our socket, whatever has been put in its place. */
export interface BoundSocket extends AsyncDisposable {
  /** Sets the owner to our user, the group to `gid`, and the mode to 0660. */
  giveTo(gid: number): Promise<void>
  /** False if it was removed or replaced. */
  isInPlace(): boolean
}

/** O_PATH (open(2)), which Node does not export. */
const openPath = 0o10000000

/**
 * Makes the server listen at the path, for its owner only. Anyone who may write to the folder could replace a new
 * socket by a link: so it is created in a folder of our own, and then hard-linked into place. No path is followed after
 * that. Rejects if the path exists. Disposing removes the socket, if it is still ours.
 */
export async function bindSocket(server: Server, path: string): Promise<BoundSocket> {
  await using folder = await open(dirname(path), constants.O_DIRECTORY)
  const name = `.plexd-${crypto.randomUUID()}`
  await mkdir(within(folder, name), { mode: 0o700 })
  try {
    const { O_DIRECTORY, O_NOFOLLOW } = constants
    await using own = await open(within(folder, name), O_DIRECTORY | O_NOFOLLOW)
    await checkOwn(own)
    await listen(server, within(own, 's'))
    const socket = await open(within(own, 's'), openPath | O_NOFOLLOW)
    try {
      await link(within(own, 's'), within(folder, basename(path)))
    } catch (error) {
      await socket.close()
      throw error
    } finally {
      await rm(within(own, 's'), { force: true })
    }
    return held(socket, path)
  } finally {
    // Somebody may have moved it, which does no harm: it is empty.
    await rmdir(within(folder, name)).catch(() => {})
  }
}

/** A path relative to an open folder, even if the folder was moved. */
function within({ fd }: FileHandle, name: string): string {
  return `/proc/self/fd/${fd}/${name}`
}

/** Checks that it is the folder that was created, and not another one in its place. */
async function checkOwn(folder: FileHandle): Promise<void> {
  const { uid, mode } = await folder.stat()
  if (uid !== process.geteuid?.() || (mode & 0o777) !== 0o700)
    throw new Error('the folder was changed by somebody else meanwhile')
}

async function listen(server: Server, path: string): Promise<void> {
  const listening = once(server, 'listening')
  // The file is created synchronously, so nothing else runs with this mask.
  const mask = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(mask)
  }
  await listening
}

function held(socket: FileHandle, path: string): BoundSocket {
  const itself = `/proc/self/fd/${socket.fd}`
  const { ino, dev } = fstatSync(socket.fd)
  // Synchronous: it is asked each second, and each file operation that Node waits for wakes two threads.
  const isInPlace = (): boolean => {
    try {
      const found = lstatSync(path)
      return found.ino === ino && found.dev === dev
    } catch {
      return false
    }
  }
  return {
    async giveTo(gid) {
      await chown(itself, process.geteuid?.() ?? 0, gid)
      await chmod(itself, 0o660)
    },
    isInPlace,
    async [Symbol.asyncDispose]() {
      if (socket.fd === -1) return // it was disposed of before
      if (isInPlace()) await rm(path, { force: true })
      await socket.close()
    },
  }
}
