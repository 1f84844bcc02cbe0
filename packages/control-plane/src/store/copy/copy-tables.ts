import type { DatabaseSync } from 'node:sqlite'
import { describeError } from '@plexd/runtime'
import { sql } from 'kysely'
import type { Tx } from '../db.ts'
import { NothingChanged } from '../nothing-changed.ts'
import { type CopiedRow, createRowDigest, pagesOf } from './rows.ts'
import { describeTables, type Table } from './tables.ts'

export interface CopiedTable {
  table: string
  source: TableDigest
  target: TableDigest
}

export interface TableDigest {
  rows: number
  /** SHA-256 of all values, in hex. */
  digest: string
}

/**
 * Copies all tables of a file into a database of PostgreSQL with the same schema, and reads them again there: both have the same digest, or
 * it throws. What the migrations have put into the tables of the target goes; there must be nothing else in them.
 */
export async function copyTables(
  source: DatabaseSync,
  target: Tx,
  onProgress: (text: string) => void,
): Promise<CopiedTable[]> {
  const tables = describeTables(source)
  for (const { name } of tables.toReversed())
    await sql`delete from ${sql.table(name)}`.execute(target)
  const copied: CopiedTable[] = []
  for (const [index, table] of tables.entries()) {
    onProgress(`copying ${table.name}, table ${index + 1} of ${tables.length}`)
    copied.push(await copyTable(source, target, table))
  }
  return copied
}

async function copyTable(source: DatabaseSync, target: Tx, table: Table): Promise<CopiedTable> {
  try {
    const ofSource = createRowDigest(table)
    for (const page of pagesOf(source, table)) {
      for (const row of page) ofSource.add(row)
      await insertPage(target, table, page)
    }
    await setNumbers(target, table)
    const compared = { source: ofSource.result(), target: await digestOf(source, target, table) }
    demandSame(compared)
    return { table: table.name, ...compared }
  } catch (error) {
    if (error instanceof NothingChanged) throw error
    throw new Error(`copy table "${table.name}": ${describeError(error)}`, { cause: error })
  }
}

async function insertPage(
  target: Tx,
  { name, columns }: Table,
  page: readonly CopiedRow[],
): Promise<void> {
  const rows = page.map((row) => sql`(${sql.join(columns.map((column) => row[column]))})`)
  await sql`insert into ${sql.table(name)} (${listed(columns)}) overriding system value
    values ${sql.join(rows)}`.execute(target)
}

const listed = (columns: readonly string[]) => sql.join(columns.map((column) => sql.ref(column)))

/** What gives out numbers goes on behind those that were given out, also to rows that are there no more. */
async function setNumbers(target: Tx, { name, key, lastNumber }: Table): Promise<void> {
  const [column = ''] = key
  if (lastNumber === undefined || lastNumber < 1) return
  const { rows } = await sql<{ sequence: string | null }>`
    select pg_get_serial_sequence(${name}, ${column}) as sequence`.execute(target)
  const sequence = rows[0]?.sequence
  if (sequence) await sql`select setval(${sequence}, ${lastNumber})`.execute(target)
}

/** In the pages of the source, so that no more is in memory than was before. */
async function digestOf(source: DatabaseSync, target: Tx, table: Table): Promise<TableDigest> {
  const { name, columns, key } = table
  const digest = createRowDigest(table)
  await sql`declare copied no scroll cursor for
    select ${listed(columns)} from ${sql.table(name)} order by ${listed(key)}`.execute(target)
  async function fetch(count: number): Promise<void> {
    const { rows } = await sql<CopiedRow>`fetch ${sql.lit(count)} from copied`.execute(target)
    for (const row of rows) digest.add(row)
  }
  for (const page of pagesOf(source, table)) await fetch(page.length)
  // One that the source has not would be there.
  await fetch(1)
  await sql`close copied`.execute(target)
  return digest.result()
}

function demandSame({ source, target }: Omit<CopiedTable, 'table'>): void {
  if (source.rows === target.rows && source.digest === target.digest) return
  throw new Error(
    `its ${source.rows} rows came back as ${target.rows} others: nothing was taken over; look for damage with "plexd-control-plane doctor"`,
  )
}
