import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { asidePrefix } from './contents.ts'

/**
 * The files below a folder by their paths in it, in order. Symbolic links are followed, as the control plane does, but folders whose
 * names begin with a dot are not looked into, nor what was put aside by a restore.
 */
export async function listFiles(folder: string, below = ''): Promise<string[]> {
  const names = (await readdir(join(folder, below))).filter((name) => !isPassedBy(name)).sort()
  const lists = await Promise.all(
    names.map(async (name) => {
      const path = join(below, name)
      const found = await stat(join(folder, path)).catch(() => undefined) // it may have gone
      if (found?.isDirectory()) return listFiles(folder, path)
      return found?.isFile() ? [path] : []
    }),
  )
  return lists.flat()
}

function isPassedBy(name: string): boolean {
  return name.startsWith('.') || name.startsWith(asidePrefix)
}
