import type { DatabaseSync } from 'node:sqlite'
import { tablesOf } from '../side/fault.ts'

/** A table, as the file describes it. */
export interface Table {
  name: string
  columns: readonly string[]
  /** The columns that order its rows, each of which is another. */
  key: readonly string[]
  /** The greatest number that it has given out by itself; undefined where it gives none. */
  lastNumber: number | undefined
}

/** Each database has its own. */
const ownTable = 'schema_version'

/** All tables, those first that others refer to. Of the file itself, so that a table of a later migration is among them. */
export function describeTables(database: DatabaseSync): Table[] {
  const names = tablesOf(database).filter((name) => name !== ownTable)
  return inOrder(names, (name) => referencesOf(database, name)).map((name) =>
    describeTable(database, name),
  )
}

function describeTable(database: DatabaseSync, name: string): Table {
  const columns = database.prepare('select name, pk from pragma_table_info(?)').all(name)
  const key = columns
    .filter(({ pk }) => Number(pk) > 0)
    .toSorted((one, other) => Number(one.pk) - Number(other.pk))
    .map((column) => String(column.name))
  if (key.length === 0) throw new Error(`copy table "${name}": it has no primary key`)
  return {
    name,
    columns: columns.map((column) => String(column.name)),
    key,
    lastNumber: lastNumberOf(database, name),
  }
}

/** SQLite has a row for a table once it has given out a number. */
function lastNumberOf(database: DatabaseSync, name: string): number | undefined {
  const row = database.prepare('select seq from sqlite_sequence where name = ?').get(name)
  return row && Number(row.seq)
}

function referencesOf(database: DatabaseSync, name: string): string[] {
  const rows = database.prepare('select "table" as it from pragma_foreign_key_list(?)').all(name)
  return rows.map(({ it }) => String(it))
}

/** Each after those that it refers to. Pure. */
export function inOrder(
  names: readonly string[],
  referencesOf: (name: string) => readonly string[],
): string[] {
  const ordered = new Set<string>()
  for (let before = -1; ordered.size < names.length; ) {
    if (ordered.size === before)
      throw new Error(
        `order the tables ${names.filter((name) => !ordered.has(name)).join(', ')}: they refer to each other`,
      )
    before = ordered.size
    for (const name of names)
      if (referencesOf(name).every((other) => ordered.has(other))) ordered.add(name)
  }
  return [...ordered]
}
