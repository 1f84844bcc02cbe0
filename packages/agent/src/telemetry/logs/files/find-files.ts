import type { BigIntStats, Stats } from 'node:fs'
import { glob, stat } from 'node:fs/promises'
import { matchesGlob } from 'node:path'
import { describeError, errorCodeOf } from '@plexd/runtime'

export interface FoundFile {
  path: string
  stats: Stats
}

export interface FoundFiles {
  /** The one written to last comes first. */
  files: FoundFile[]
  /** Why what a pattern without `*` names cannot be followed. */
  problems: string[]
}

/** More would take too long to look at. */
const maxNames = 20_000

/** Follows symbolic links. What a pattern with `*` finds beside files is passed over, as are files that a rotation has compressed. */
export async function findFiles(pattern: string): Promise<FoundFiles> {
  const found: FoundFiles = { files: [], problems: [] }
  const isOne = !isGlob(pattern)
  for await (const path of isOne ? [pattern] : namesOf(pattern)) {
    try {
      const stats = await stat(path)
      if (stats.isFile()) found.files.push({ path, stats })
      else if (isOne) found.problems.push(`it is ${kindOf(stats)}, which cannot be followed`)
    } catch (error) {
      if (isOne && errorCodeOf(error) !== 'ENOENT') found.problems.push(describeError(error))
    }
  }
  found.files.sort((a, b) => b.stats.mtimeMs - a.stats.mtimeMs)
  return found
}

async function* namesOf(pattern: string): AsyncGenerator<string> {
  let count = 0
  for await (const path of glob(pattern)) {
    if (!/\.(gz|xz|zst|bz2|lz4)$/.test(path)) yield path
    if (++count === maxNames) return
  }
}

export function isGlob(pattern: string): boolean {
  return pattern.includes('*')
}

export function isNamedBy(path: string, patterns: readonly string[]): boolean {
  return patterns.some((one) => one === path || (isGlob(one) && matchesGlob(path, one)))
}

/** Of a file, whatever its name is. */
export function identify({ dev, ino }: Pick<Stats, 'dev' | 'ino'> | BigIntStats): string {
  return `file:${dev}:${ino}`
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder'
  if (stats.isFIFO()) return 'a named pipe'
  return stats.isSocket() ? 'a socket' : 'a device'
}
