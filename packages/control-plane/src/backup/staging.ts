import { chownSync, existsSync, statSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CliError, describeError, makeFolder } from '@plexd/runtime'
import { lockFile } from '../store/file-lock.ts'

/**
 * A folder in the data folder for the copies that go into a backup. One backup is made at a time; what one left behind that was killed is
 * removed by the next.
 */
export async function claimStaging(dataDir: string): Promise<{ path: string } & AsyncDisposable> {
  const path = join(dataDir, '.backup')
  const lock = claim(dataDir, path)
  await empty(path)
  return {
    path,
    async [Symbol.asyncDispose]() {
      await empty(path).catch(() => {}) // the next backup tries again
      lock[Symbol.dispose]()
    },
  }
}

/** Removes the copies of a backup that was killed, unless one is being made. */
export async function removeCopies(dataDir: string): Promise<void> {
  const path = join(dataDir, '.backup')
  if (!existsSync(path)) return
  using lock = lockFile(join(path, 'lock'))
  if (lock) await empty(path)
}

function claim(dataDir: string, path: string): Disposable {
  let lock: Disposable | undefined
  try {
    makeFolder(path)
    lock = lockFile(join(path, 'lock'))
    // Root may make a backup by hand; the next one is made by the control plane.
    for (const made of [path, join(path, 'lock')]) giveLike(dataDir, made)
  } catch (error) {
    throw new CliError(
      `write to data folder "${dataDir}": ${describeError(error)}: run this as root or as the user of the control plane`,
    )
  }
  if (!lock)
    throw new CliError(`back up "${dataDir}": another backup of it is being made: wait for that`)
  return lock
}

/** As root: gives a file to the owner of another. */
export function giveLike(model: string, path: string): void {
  if (process.geteuid?.() !== 0) return
  const { uid, gid } = statSync(model)
  if (statSync(path).uid !== uid) chownSync(path, uid, gid)
}

async function empty(path: string): Promise<void> {
  for (const name of await readdir(path))
    if (!name.startsWith('lock')) await rm(join(path, name), { recursive: true })
}
