import { sqliteCodeOf, sqliteCodes } from '@plexd/runtime'
import { openPrivateDatabase } from './private-database.ts'

/**
 * Locks a file, which is created if it is missing, for this process. Uses SQLite's file lock, which the kernel releases when the process
 * ends, however it ends. Returns undefined if another process has it.
 */
export function lockFile(path: string): Disposable | undefined {
  const lock = openPrivateDatabase(path, 0)
  try {
    lock.exec('begin exclusive')
  } catch (error) {
    lock.close()
    if (sqliteCodeOf(error) === sqliteCodes.busy) return undefined
    throw error
  }
  return { [Symbol.dispose]: () => lock.close() }
}
