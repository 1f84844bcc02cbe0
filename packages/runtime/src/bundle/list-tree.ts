import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describeError } from '../log/log.ts'

export interface ListedFile {
  path: string
  mode?: string
  uid?: number
  bytes?: number
  changed_at?: string
  error?: string
}

const maxFiles = 2_000

/** The files of a folder and of those in it, by their names and sizes; never what they hold. Throws if the folder cannot be read. */
export function listTree(folder: string): { files: ListedFile[]; is_cut: boolean } {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  const files = names.slice(0, maxFiles).map((path) => describeFile(folder, path))
  return { files, is_cut: names.length > maxFiles }
}

function describeFile(folder: string, path: string): ListedFile {
  try {
    const { mode, uid, size, mtime } = lstatSync(join(folder, path))
    const changed_at = mtime.toISOString()
    return { path, mode: (mode & 0o7777).toString(8), uid, bytes: size, changed_at }
  } catch (error) {
    return { path, error: describeError(error) }
  }
}
