import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorCodeOf } from './error-code.ts'

/**
 * Makes a folder, and those above it that are missing; tells whether it was missing. Throws as mkdir(2) does. Node's own
 * recursive `mkdir` never returns where the parent is there and nothing can be made in it, as in /proc.
 */
export function makeFolder(path: string, mode = 0o700): boolean {
  try {
    return makeOne(path, mode)
  } catch (error) {
    if (errorCodeOf(error) !== 'ENOENT' || dirname(path) === path) throw error
  }
  makeFolder(dirname(path), mode)
  return makeOne(path, mode)
}

function makeOne(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode })
    return true
  } catch (error) {
    if (errorCodeOf(error) === 'EEXIST' && statSync(path).isDirectory()) return false
    throw error
  }
}
