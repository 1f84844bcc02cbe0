import { type BigIntStats, existsSync, type Stats } from 'node:fs'
import { glob, stat } from 'node:fs/promises'
import { matchesGlob } from 'node:path'
import { describeError, errorCodeOf } from '@plexd/runtime'
import { wantFiles } from '../../../config/log-files.ts'

export interface FoundFile {
  path: string
  stats: Stats
}

export interface FoundFiles {
  /** The one written to last comes first. */
  files: FoundFile[]
  /** Why what a plain path names cannot be followed. */
  problems: string[]
}

/** More would take too long to look at. */
const maxNames = 20_000

/** Follows symbolic links. What a pattern finds beside files is passed over, as are files that a rotation has compressed. */
export async function findFiles(pattern: string): Promise<FoundFiles> {
  const found: FoundFiles = { files: [], problems: [] }
  const isOne = !isGlob(pattern)
  for await (const path of isOne ? [pattern] : namesOf(pattern)) {
    try {
      const stats = await stat(path)
      if (stats.isFile()) found.files.push({ path, stats })
      else if (isOne) found.problems.push(describeKind(pattern, stats))
    } catch (error) {
      if (isOne && errorCodeOf(error) !== 'ENOENT') found.problems.push(describeError(error))
    }
  }
  found.files.sort((a, b) => b.stats.mtimeMs - a.stats.mtimeMs)
  return found
}

async function* namesOf(pattern: string): AsyncGenerator<string> {
  let count = 0
  // A file may be called so.
  if (!pattern.includes('*') && existsSync(pattern)) yield pattern
  for await (const path of glob(pattern)) {
    if (!/\.(gz|xz|zst|bz2|lz4)$/.test(path)) yield path
    if (++count === maxNames) return
  }
}

export function isGlob(pattern: string): boolean {
  return /[*?[{]/.test(pattern)
}

export function isNamedBy(path: string, patterns: readonly string[]): boolean {
  return patterns.some((one) => one === path || (isGlob(one) && matchesGlob(path, one)))
}

/** Of a file, whatever its name is. */
export function identify({ dev, ino }: Pick<Stats, 'dev' | 'ino'> | BigIntStats): string {
  return `file:${dev}:${ino}`
}

function describeKind(path: string, stats: Stats): string {
  if (stats.isDirectory()) return `it is a folder: ${wantFiles(path)}`
  return `it is ${kindOf(stats)}, which cannot be followed`
}

function kindOf(stats: Stats): string {
  if (stats.isFIFO()) return 'a named pipe'
  return stats.isSocket() ? 'a socket' : 'a device'
}
