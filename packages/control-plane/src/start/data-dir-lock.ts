import { join } from 'node:path'
import { CliError, describeError, makeFolder, sqliteCodeOf, sqliteCodes } from '@plexd/runtime'
import { openPrivateDatabase } from '../store/private-database.ts'

/**
 * Locks a data folder for this process, and creates it if it is missing. Uses SQLite's file lock, which the kernel releases
 * when the process ends, however it ends. Throws a CliError if another process has it, or the folder is not writable.
 */
export function claimDataDir(dataDir: string): Disposable {
  const lock = openLock(dataDir)
  try {
    lock.exec('begin exclusive')
  } catch (cause) {
    lock.close()
    if (sqliteCodeOf(cause) === sqliteCodes.busy)
      throw new CliError(
        `open data folder "${dataDir}": another control plane is running on it: stop that first, or choose another with --data-dir`,
      )
    throw new Error(`lock data folder "${dataDir}"`, { cause })
  }
  return { [Symbol.dispose]: () => lock.close() }
}

function openLock(dataDir: string): ReturnType<typeof openPrivateDatabase> {
  try {
    makeFolder(dataDir)
    return openPrivateDatabase(join(dataDir, 'lock'), 0)
  } catch (error) {
    throw new CliError(
      `write to data folder "${dataDir}": ${describeError(error)}: let this user write there, or choose another with --data-dir`,
    )
  }
}
