import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'

/** What the doctor looks at. */
export interface Place {
  config: Config
  /** The process that runs on the data folder; undefined when none does. */
  pid: number | undefined
  nowMs: number
}

export function placeOf(config: Config, nowMs: number): Place {
  return { config, pid: lockHolder(join(config.dataDir, 'lock')), nowMs }
}

/** Files of a data folder, by their names in it. */
export function fileIn({ config }: Place, name: string): string {
  return join(config.dataDir, name)
}

export function masterKeyFile(place: Place): string {
  return place.config.masterKeyFile ?? fileIn(place, 'master.key')
}

/** Who holds a lock on a file, as the kernel lists it: to try it would keep a control plane from starting. */
export function lockHolder(path: string): number | undefined {
  if (!existsSync(path)) return undefined
  const { ino } = statSync(path)
  const holders = readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, pid] = new RegExp(` WRITE +(\\d+) [0-9a-f:]+:${ino} `).exec(line) ?? []
      return pid === undefined ? [] : [Number(pid)]
    })
  return holders.find((pid) => hasOpen(pid, path))
}

/** Inodes of two file systems may have one number. Who may not look takes the kernel's list as it is. */
function hasOpen(pid: number, path: string): boolean {
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).some((name) => targetOf(join(folder, name)) === path)
  } catch {
    return pid > 0
  }
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return '' // closed meanwhile
  }
}
