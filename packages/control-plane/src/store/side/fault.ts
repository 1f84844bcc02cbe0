import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describeError } from '@plexd/runtime'
import { isDamaged } from '../sqlite-error.ts'
import { headerFault, pageBytes } from './header.ts'

/** All pages of a file of this size are looked at in some 30 ms, at each start. */
const smallBytes = 16 * 1024 * 1024

interface Looking {
  schema: string
  timeoutMs: number
  isSuspect: boolean
  /** See `GateOptions`. */
  inspect?: ((database: DatabaseSync) => string | undefined) | undefined
}

/**
 * Why a database cannot be used as it is; undefined if it can. Throws what has to do with the machine instead: a lock, a full disk.
 * Of a large file, only what is read in any case is looked at, unless `isSuspect`.
 */
export function faultOf(
  path: string,
  { schema, timeoutMs, isSuspect, inspect }: Looking,
): string | undefined {
  try {
    const fault = headerFault(readHeader(path))
    if (fault !== undefined) return fault
    using database = new DatabaseSync(path, { timeout: timeoutMs })
    return (
      lengthFault(path, database) ??
      shapeFault(database, schema) ??
      (isSuspect || statSync(path).size <= smallBytes ? pageFault(database) : undefined) ??
      (isSuspect ? inspect?.(database) : undefined)
    )
  } catch (error) {
    if (!isDamaged(error)) throw error
    return describeError(error)
  }
}

/** SQLite counts a last page that is not whole, and reads it as zeros or not at all. What the log has of it is put there first. */
function lengthFault(path: string, database: DatabaseSync): string | undefined {
  const isWhole = () => statSync(path).size % pageBytes === 0
  if (isWhole()) return undefined
  database.exec('pragma wal_checkpoint(truncate)')
  return isWhole() ? undefined : 'it ends in the middle of a page'
}

/** What SQLite finds when it looks at all pages; undefined if they fit together. */
export function pageFault(database: DatabaseSync): string | undefined {
  const found = database.prepare('pragma quick_check(1)').get()?.quick_check
  return found === 'ok' ? undefined : String(found)
}

function readHeader(path: string): Buffer {
  const file = openSync(path, 'r')
  try {
    const header = Buffer.alloc(100)
    return header.subarray(0, readSync(file, header, 0, 100, 0))
  } finally {
    closeSync(file)
  }
}

/** The schema is text in the file, and may say something else after damage. */
function shapeFault(database: DatabaseSync, schema: string): string | undefined {
  using wanted = new DatabaseSync(':memory:')
  wanted.exec(schema)
  for (const name of tablesOf(wanted)) {
    const found = columnsOf(database, name)
    if (found !== '[]' && found !== columnsOf(wanted, name))
      return `its table "${name}" has other columns`
  }
  return undefined
}

/** Without those of SQLite itself. */
export function tablesOf(database: DatabaseSync): string[] {
  const rows = database
    .prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
    .all()
  return rows.map(({ name }) => String(name))
}

function columnsOf(database: DatabaseSync, table: string): string {
  return JSON.stringify(database.prepare('select * from pragma_table_xinfo(?)').all(table))
}
