import { join } from 'node:path'
import { CliError, describeError, makeFolder, sqliteCodeOf, sqliteCodes } from '@plexd/runtime'
import { openPrivateDatabase } from '../store/private-database.ts'

/**
 * Holds a data folder for this process, and makes it when it is missing. SQLite's own file lock: the kernel drops it with
 * the process, however that ends. Throws a CliError when another process has it, or when nothing can be written there.
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
