import { DatabaseSync } from 'node:sqlite'
import { makePrivateDatabase } from '@plexd/runtime'

/** Opens a SQLite file that only its owner can read; SQLite gives its companion files the same mode. */
export function openPrivateDatabase(path: string, timeoutMs: number): DatabaseSync {
  makePrivateDatabase(path)
  return new DatabaseSync(path, { timeout: timeoutMs })
}
