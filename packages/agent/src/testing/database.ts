import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { silentLog } from '@plexd/runtime'
import { openDatabase } from '../disk/database.ts'

export interface TestDatabase extends Disposable {
  database: DatabaseSync
  folder: string
  /** Closes and opens it again, as after a crash. */
  reopen(): DatabaseSync
}

export function openTestDatabase(): TestDatabase {
  const folder = mkdtempSync(join(tmpdir(), 'plexd-test-'))
  let database = openDatabase(folder, silentLog)
  return {
    get database() {
      return database
    },
    folder,
    reopen() {
      database.close()
      database = openDatabase(folder, silentLog)
      return database
    },
    [Symbol.dispose]() {
      database.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
