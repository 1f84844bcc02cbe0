import { join } from 'node:path'
import { CliError, describeError, makeFolder } from '@plexd/runtime'
import { lockFile } from '../store/file-lock.ts'
import { settleRestore } from './settle-restore.ts'

/**
 * Locks a data folder for this process, creates it if it is missing, and ends a restore that was interrupted in it. Throws a CliError if
 * another process has it, or the folder is not writable.
 */
export function claimDataDir(dataDir: string): Disposable {
  const lock = takeLock(dataDir)
  try {
    settleRestore(dataDir)
    return lock
  } catch (cause) {
    lock[Symbol.dispose]()
    throw new Error(`finish a restore in data folder "${dataDir}"`, { cause })
  }
}

function takeLock(dataDir: string): Disposable {
  let lock: Disposable | undefined
  try {
    makeFolder(dataDir)
    lock = lockFile(join(dataDir, 'lock'))
  } catch (error) {
    throw new CliError(
      `write to data folder "${dataDir}": ${describeError(error)}: let this user write there, or choose another with --data-dir`,
    )
  }
  if (lock) return lock
  throw new CliError(
    `open data folder "${dataDir}": another control plane is running on it: stop that first, or choose another with --data-dir`,
  )
}
