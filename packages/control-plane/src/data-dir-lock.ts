import { join } from 'node:path'
import { openPrivateDatabase } from './store/private-database.ts'

/**
 * Holds a data folder for this process. SQLite's own file lock: the kernel drops it with the process, however that
 * ends. Throws when another process has it.
 */
export function lockDataDir(dataDir: string): Disposable {
  const lock = openPrivateDatabase(join(dataDir, 'lock'), 0)
  try {
    lock.exec('begin exclusive')
  } catch (cause) {
    lock.close()
    if (isBusy(cause))
      throw new Error(`open data folder "${dataDir}": another control plane is running on it`)
    throw new Error(`lock data folder "${dataDir}"`, { cause })
  }
  return { [Symbol.dispose]: () => lock.close() }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5
}
