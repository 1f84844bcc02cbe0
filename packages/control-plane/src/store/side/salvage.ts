import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { sqliteCodeOf, sqliteCodes } from '@plexd/runtime'
import { diskErrorOf } from '../sqlite-error.ts'
import { copyRanges, NotTaken, type ReadRange, type Row } from './copy-ranges.ts'
import { tablesOf } from './fault.ts'
import { headerFault, plainHeader } from './header.ts'

/** What was taken over of a damaged database. */
export interface Salvage {
  /** How many rows of each table. */
  rows: Readonly<Record<string, number>>
  /** Whether all ids that the database has ever given are known to be below those that it gives next. */
  areIdsKnown: boolean
}

/** Copies each row that can still be read from a damaged file into a database that has the tables, in one transaction. Throws if the disk does not take them. */
export function salvage(path: string, to: DatabaseSync): Salvage {
  mendHeader(path)
  const from = openDamaged(path)
  try {
    to.exec('begin immediate')
    const rows: Record<string, number> = {}
    for (const table of tablesOf(to)) rows[table] = from ? copyTable(from, to, table) : 0
    const areIdsKnown = from !== undefined && copySequence(from, to)
    to.exec('commit')
    return { rows, areIdsKnown }
  } finally {
    try {
      from?.close()
    } catch {
      // It is kept as it is.
    }
  }
}

/** Without a header SQLite reads nothing, and there is nothing in ours that is not known. */
function mendHeader(path: string): void {
  const file = openSync(path, 'r+')
  try {
    const header = Buffer.alloc(100)
    readSync(file, header, 0, 100, 0)
    if (headerFault(header) !== undefined) writeSync(file, plainHeader(), 0, 100, 0)
  } finally {
    closeSync(file)
  }
}

/** Undefined if not even its schema can be read. */
function openDamaged(path: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { defensive: false })
    // Otherwise SQLite opens no file that is shorter than it should be.
    database.exec('pragma writable_schema = on')
    database.prepare('select * from sqlite_schema').all()
    return database
  } catch (error) {
    if (database?.isOpen) database.close()
    if (isOfMachine(error)) throw error
    return undefined
  }
}

/** Says nothing about what is in the file: no room beside it, a lock, too many open files. */
function isOfMachine(error: unknown): boolean {
  const { full, readOnly, busy, cannotOpen } = sqliteCodes
  return [full, readOnly, busy, cannotOpen].some((code) => code === sqliteCodeOf(error))
}

function copyTable(from: DatabaseSync, to: DatabaseSync, table: string): number {
  const columns = to.prepare('select name, pk from pragma_table_info(?)').all(table)
  const names = columns.map(({ name }) => `"${name}"`)
  const insert = to.prepare(
    `insert or ignore into "${table}" (${names}) values (${names.map(() => '?')})`,
  )
  let count = 0
  const put = (row: Row): void => {
    try {
      count += Number(
        insert.run(...(columns.map(({ name }) => row[String(name)] ?? null) as [])).changes,
      )
    } catch (error) {
      // What no row of this table can be is damaged, too.
      if (diskErrorOf(error) !== error) throw new NotTaken(undefined, { cause: error })
    }
  }
  if (hasRowIds(to, table)) copyRanges(rangeReader(from, table, names), put)
  else copyFromBothEnds(from, `select ${names} from "${table}"`, columns, put)
  return count
}

function hasRowIds(database: DatabaseSync, table: string): boolean {
  return database.prepare('select wr from pragma_table_list where name = ?').get(table)?.wr === 0
}

function rangeReader(database: DatabaseSync, table: string, names: readonly string[]): ReadRange {
  return ({ from, to }, order) =>
    database
      .prepare(
        `select rowid as salvaged_id, ${names} from "${table}" not indexed where rowid between ? and ? order by rowid ${order}`,
      )
      .iterate(from, to) as Iterable<Row & { salvaged_id: number }> // its columns
}

/** For small tables that have no ids: up to what is damaged, from the beginning and from the end. */
function copyFromBothEnds(
  database: DatabaseSync,
  select: string,
  columns: readonly Row[],
  put: (row: Row) => void,
): void {
  const keys = columns.filter(({ pk }) => Number(pk) > 0).map(({ name }) => `"${name}"`)
  for (const direction of ['asc', 'desc']) {
    const order = keys.map((key) => `${key} ${direction}`)
    try {
      for (const row of database.prepare(`${select} order by ${order}`).iterate()) put(row)
      return
    } catch (error) {
      // What is behind is read from the other end.
      if (error instanceof NotTaken) throw error
    }
  }
}

/** So that no id is given twice. Whether it could be read. */
function copySequence(from: DatabaseSync, to: DatabaseSync): boolean {
  if (!to.prepare("select 1 from sqlite_schema where name = 'sqlite_sequence'").get()) return true
  try {
    const known = from.prepare('select name, seq from sqlite_sequence').all()
    for (const { name, seq } of known) {
      if (typeof seq !== 'number' || typeof name !== 'string') return false
      to.prepare('delete from sqlite_sequence where name = ? and seq <= ?').run(name, seq)
      to.prepare(
        'insert into sqlite_sequence select ?1, ?2 where not exists (select 1 from sqlite_sequence where name = ?1)',
      ).run(name, seq)
    }
    return known.length > 0
  } catch {
    return false
  }
}
