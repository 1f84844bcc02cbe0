import { chmod, chown, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFile, syncFolder } from '@plexd/runtime'
import type { Manifest } from '../backup/archive/manifest.ts'

/** Gives unpacked files their modes, as root also the owner of the data folder, and makes them durable. */
export async function settleFiles(
  folder: string,
  { files }: Manifest,
  { uid, gid }: { uid: number; gid: number },
): Promise<void> {
  const isRoot = process.geteuid?.() === 0
  for (const { path, mode } of files) await chmod(join(folder, path), mode & 0o755)
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name)
    if (isRoot) await chown(path, uid, gid)
    await (entry.isDirectory() ? syncFolder(path) : syncFile(path))
  }
  if (isRoot) await chown(folder, uid, gid)
  await syncFolder(folder)
}
