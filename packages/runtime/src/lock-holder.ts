import { existsSync, readdirSync, readFileSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'

/** Who holds a lock on a file, as the kernel lists it: to try it would keep another process from getting it. */
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

/** Inodes of two file systems may have one number. Who may not look takes the kernel's list as it is. */
function hasOpen(pid: number, file: Stats): boolean {
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).some((name) => isFile(join(folder, name), file))
  } catch {
    return pid > 0
  }
}

/** By what it is: its path may be another for the process, or go over a link. */
function isFile(link: string, { dev, ino }: Stats): boolean {
  try {
    const found = statSync(link)
    return found.dev === dev && found.ino === ino
  } catch {
    return false // closed meanwhile
  }
}
