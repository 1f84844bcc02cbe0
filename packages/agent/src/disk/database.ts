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

const tables = {
  marks: '(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID',
  seen_events: '(event_id TEXT PRIMARY KEY, no INTEGER NOT NULL) WITHOUT ROWID',
  nonces: '(nonce TEXT PRIMARY KEY, issued_ms INTEGER NOT NULL) WITHOUT ROWID',
  executions: `(
    execution_id TEXT PRIMARY KEY, received_ms INTEGER NOT NULL,
    ack TEXT NOT NULL, ack_sent INTEGER NOT NULL DEFAULT 0,
    result TEXT, result_sent INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID`,
  sessions: `(
    session_id TEXT PRIMARY KEY, state TEXT NOT NULL,
    opened_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL
  ) WITHOUT ROWID`,
  // Of an earlier plexd; they wait in a queue now.
  drift_reports: '(id INTEGER PRIMARY KEY, report TEXT NOT NULL)',
}

const schema = `
  ${tablesIn('main')}
  CREATE INDEX IF NOT EXISTS main.seen_events_no ON seen_events (no);
  CREATE INDEX IF NOT EXISTS main.nonces_issued ON nonces (issued_ms);
`

function tablesIn(place: 'main' | 'temp'): string {
  return Object.entries(tables)
    .map(([name, columns]) => `CREATE TABLE IF NOT EXISTS ${place}.${name} ${columns};`)
    .join('\n')
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
    database.exec(`PRAGMA temp_store = MEMORY; ${tablesIn('temp')}`)
    // A new file has none.
    for (const name of tableNames(database, 'main'))
      if (name in tables) database.exec(`INSERT INTO temp.${name} SELECT * FROM main.${name}`)
  })
}

function tableNames(database: DatabaseSync, place: 'main' | 'temp'): string[] {
  const rows = database
    .prepare(`SELECT name FROM ${place}.sqlite_master WHERE type = 'table'`)
    .all()
  return rows.map(({ name }) => String(name))
}

/** Moves to the disk what is in memory because the disk was full. Throws if it still is. */
export function keepOnDisk(database: DatabaseSync): void {
  const names = tableNames(database, 'temp')
  if (names.length === 0) return
  makeTables(database)
  // The rows on the disk are replaced: some of their copies in memory have been deleted since.
  const moves = names.map(
    (name) =>
      `DELETE FROM main.${name}; INSERT INTO main.${name} SELECT * FROM temp.${name}; DROP TABLE temp.${name};`,
  )
  inTransaction(database, () => database.exec(moves.join('\n')))
}

function makeTables(database: DatabaseSync): void {
  database.exec('PRAGMA journal_mode = WAL')
  database.exec('PRAGMA synchronous = FULL')
  inTransaction(database, () => database.exec(schema), 'BEGIN EXCLUSIVE')
}

export function inTransaction(
  database: DatabaseSync,
  work: () => void,
  begin: 'BEGIN' | 'BEGIN EXCLUSIVE' = 'BEGIN',
): void {
  database.exec(begin)
  try {
    work()
    database.exec('COMMIT')
  } catch (error) {
    // SQLite has rolled back some already, as on a full disk.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function opened(path: string, prepare: (database: DatabaseSync) => void): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 0 })
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
