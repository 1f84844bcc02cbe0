/** The tables of the agent's database, on the disk or in memory. */
import type { DatabaseSync } from 'node:sqlite'

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

function tableNames(database: DatabaseSync, place: 'main' | 'temp'): string[] {
  const rows = database
    .prepare(`SELECT name FROM ${place}.sqlite_master WHERE type = 'table'`)
    .all()
  return rows.map(({ name }) => String(name))
}

/** Makes temporary tables with the rows that are on the disk, which their names stand for from then on. */
export function copyIntoMemory(database: DatabaseSync): void {
  database.exec(`PRAGMA temp_store = MEMORY; ${tablesIn('temp')}`)
  // A new file has none.
  for (const name of tableNames(database, 'main'))
    if (name in tables) database.exec(`INSERT INTO temp.${name} SELECT * FROM main.${name}`)
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

export function makeTables(database: DatabaseSync): void {
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
