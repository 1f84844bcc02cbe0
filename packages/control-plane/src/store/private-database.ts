import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

/** Opens a SQLite file that only its owner can read; SQLite gives the files beside it the same mode. */
export function openPrivateDatabase(path: string, timeoutMs: number): DatabaseSync {
  closeSync(openSync(path, 'a', 0o600))
  return new DatabaseSync(path, { timeout: timeoutMs })
}
