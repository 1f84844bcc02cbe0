import { existsSync, readdirSync, readFileSync, type Stats, statSync } from 'node:fs'
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

/** What is kept lies in these, by their names in the data folder. */
export const databases = ['control-plane.db', 'telemetry.db'] as const

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
