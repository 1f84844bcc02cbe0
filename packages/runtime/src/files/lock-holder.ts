import { existsSync, readdirSync, readFileSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'

/** Finds the holder of a file lock in the kernel's list. Trying to take the lock instead could block another process. */
export function lockHolder(path: string): number | undefined {
  if (!existsSync(path)) return undefined
  const file = statSync(path)
  const holders = readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, pid] = new RegExp(` WRITE +(\\d+) [0-9a-f:]+:${file.ino} `).exec(line) ?? []
      return pid === undefined ? [] : [Number(pid)]
    })
  return holders.find((pid) => hasOpen(pid, file))
}

/** Inode numbers are only unique per file system. Without permission to stat the process's files, the kernel's list is trusted as is. */
function hasOpen(pid: number, file: Stats): boolean {
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).some((name) => isFile(join(folder, name), file))
  } catch {
    return pid > 0
  }
}

/** Compares by device and inode: the process may see the file under another path, or through a symlink. */
function isFile(link: string, { dev, ino }: Stats): boolean {
  try {
    const found = statSync(link)
    return found.dev === dev && found.ino === ino
  } catch {
    return false // closed meanwhile
  }
}
