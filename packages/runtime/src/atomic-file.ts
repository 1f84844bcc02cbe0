import { link, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorCodeOf } from './error-code.ts'
import { makeFolder } from './make-folder.ts'

/**
 * Replaces a file so that a reader, or a crash at any moment, sees the old or the new content and never a part.
 * When it resolves the content is on the disk. The folder is made (0700) when it is missing.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  { mode = 0o600 }: { mode?: number } = {},
): Promise<void> {
  const folder = dirname(path)
  makeFolder(folder)
  // A name that a fixed-length file name limit cannot reach, unlike one made from the target's.
  const temporary = join(folder, `.tmp-${crypto.randomUUID()}`)
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw new Error(`write "${path}"`, { cause: error })
  }
  await syncFolder(folder)
}

/** Makes renames and removals in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Writes a file that must not exist yet; false, and nothing changed, when it does. Of several writers one wins,
 * and nobody sees a part of it. When it resolves the content is on the disk.
 */
export async function createFileAtomic(
  path: string,
  content: string | Uint8Array,
  { mode = 0o600 }: { mode?: number } = {},
): Promise<boolean> {
  const folder = dirname(path)
  makeFolder(folder)
  const temporary = join(folder, `.tmp-${crypto.randomUUID()}`)
  try {
    await writeFileAtomic(temporary, content, { mode })
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
