import { existsSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  CliError,
  describeError,
  diskFault,
  type Log,
  makeFolder,
  makePrivateDatabase,
  sqliteCodeOf,
  sqliteCodes,
  systemClock,
  systemRemedy,
} from '@plexd/runtime'
import { copyIntoMemory, makeTables } from './tables.ts'

/**
 * The small durable records of the daemon: the stream's cursor, the executions of the last day, and the sessions
 * that were asked for.
 * Each statement is on the disk when it returns.
 *
 * The file is locked while it is open, and the kernel releases the lock however the process ends. So it is also the lock
 * of the data dir: two daemons with one identity would disturb each other's queues. `onFailure` is called for every
 * failed write, which its caller sees too.
 *
 * If the disk is full at the start, the contents are copied into memory and stay there until `keepOnDisk`, so that the
 * node continues where it was.
 */
export function openDatabase(
  dataDir: string,
  log: Log,
  onFailure: (error: unknown) => void = () => {},
): DatabaseSync {
  const path = join(dataDir, 'agent.db')
  makeDataDir(dataDir, path)
  warnIfOpen(dataDir, log)
  try {
    return openHowever(path, onFailure)
  } catch (error) {
    const code = sqliteCodeOf(error)
    if (code === sqliteCodes.busy)
      throw new CliError(
        `open data dir "${dataDir}": another plexd uses it: look with "plexd status", stop it with "systemctl stop plexd", or by Ctrl-C where it runs in the foreground`,
      )
    if (code !== sqliteCodes.corrupt && code !== sqliteCodes.notDatabase) {
      throw new CliError(`open "${path}": ${describeError(error)}`)
    }
    log.error('database is damaged, starting with an empty one', {
      file: path,
      kept_as: moveAside(path),
    })
    return openHowever(path, onFailure)
  }
}

/** On the disk, or in memory if that is full. */
function openHowever(path: string, onFailure: (error: unknown) => void): DatabaseSync {
  try {
    return tell(onFailure, open(path))
  } catch (error) {
    if (diskFault(error) === undefined) throw error
    onFailure(error)
    return tell(onFailure, openInMemory(path))
  }
}

function open(path: string): DatabaseSync {
  return opened(path, (database) => {
    makeTables(database)
    checkPages(database)
  })
}

/** With the lock on the file. Table names mean the temporary tables in memory while there are any. */
function openInMemory(path: string): DatabaseSync {
  return opened(path, (database) => {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE; ROLLBACK')
    copyIntoMemory(database)
  })
}

function opened(path: string, prepare: (database: DatabaseSync) => void): DatabaseSync {
  // Of two that start at once each holds up the other for a moment; without patience, both would give up.
  const database = new DatabaseSync(path, { timeout: 300 })
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    prepare(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function tell(onFailure: (error: unknown) => void, database: DatabaseSync): DatabaseSync {
  const told =
    <A extends unknown[], R>(run: (...args: A) => R) =>
    (...args: A): R => {
      try {
        return run(...args)
      } catch (error) {
        onFailure(error)
        throw error
      }
    }
  const prepare = database.prepare.bind(database)
  return Object.assign(database, {
    exec: told(database.exec.bind(database)),
    prepare(sql: string) {
      const statement = prepare(sql)
      return Object.assign(statement, { run: told(statement.run.bind(statement)) })
    },
  })
}

/** Better to find damage now than in the middle of a delivery; the file is small. */
function checkPages(database: DatabaseSync): void {
  const row = database.prepare('PRAGMA quick_check(1)').get()
  if (row?.quick_check !== 'ok') {
    const errcode = sqliteCodes.corrupt
    throw Object.assign(new Error(`check pages: ${row?.quick_check}`), { errcode })
  }
}

/** With the write-ahead log, which a new database must not replay. */
function moveAside(path: string): string {
  const aside = `${path}.corrupt-${systemClock.now()}`
  renameSync(path, aside)
  if (existsSync(`${path}-wal`)) renameSync(`${path}-wal`, `${aside}-wal`)
  return aside
}

function makeDataDir(dataDir: string, path: string): void {
  try {
    makeFolder(dataDir)
    makePrivateDatabase(path)
  } catch (error) {
    const remedy = systemRemedy(error, 'run plexd as root')
    throw new CliError(
      `write to data dir "${dataDir}": ${describeError(error)}: ${remedy}, or choose another with --data-dir`,
    )
  }
}

/** The mode of an existing folder is its owner's decision; the files in it are private in any case. */
function warnIfOpen(dataDir: string, log: Log): void {
  if ((statSync(dataDir).mode & 0o077) === 0) return
  log.warn('data dir is open to others: chmod 700 it', { data_dir: dataDir })
}
