import { existsSync } from 'node:fs'
import { link, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorCodeOf } from './error-code.ts'
import { makeFolder } from './make-folder.ts'

/**
 * Replaces a file so that a reader, or a crash at any moment, sees either the old or the new content, never a mix.
 * When it resolves, the content is on disk. Creates the folder (0700) if it is missing.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  { mode = 0o600 }: { mode?: number } = {},
): Promise<void> {
  const folder = dirname(path)
  makeFolder(folder)
  // A short random name: one derived from the target's could exceed the file name limit.
  const temporary = join(folder, `.tmp-${crypto.randomUUID()}`)
  try {
    await writeSynced(temporary, content, mode)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw new Error(`write "${path}"`, { cause: error })
  }
  await syncFolder(folder)
}

/** Makes renames and removals in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}

async function writeSynced(
  path: string,
  content: string | Uint8Array,
  mode: number,
): Promise<void> {
  await using file = await open(path, 'wx', mode)
  await file.writeFile(content)
  await file.sync()
}

/**
 * Writes a file that must not exist yet; returns false and changes nothing if it does. Of several writers one wins,
 * and nobody sees a partial file. When it resolves, the content is on disk.
 */
export async function createFileAtomic(
  path: string,
  content: string | Uint8Array,
  { mode = 0o600 }: { mode?: number } = {},
): Promise<boolean> {
  // It may be where nothing can be written, as a credential of systemd is.
  if (existsSync(path)) return false
  const folder = dirname(path)
  makeFolder(folder)
  const temporary = join(folder, `.tmp-${crypto.randomUUID()}`)
  try {
    await writeSynced(temporary, content, mode)
    await link(temporary, path)
  } catch (error) {
    if (errorCodeOf(error) === 'EEXIST') return false
    throw new Error(`create "${path}"`, { cause: error })
  } finally {
    await rm(temporary, { force: true })
  }
  await syncFolder(folder)
  return true
}

/** Makes the content of a file durable. */
export async function syncFile(path: string): Promise<void> {
  await using file = await open(path, 'r')
  await file.sync()
}
