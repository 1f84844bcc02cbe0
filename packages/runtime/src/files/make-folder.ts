import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorCodeOf } from './error-code.ts'

/**
 * Creates a folder and its missing parents; returns whether it was missing. Throws like mkdir(2). Node's own
 * recursive `mkdir` never returns if the parent exists but nothing can be created in it, as in /proc.
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
