import { createHash } from 'node:crypto'
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { Table } from './tables.ts'

type CopiedValue = SQLOutputValue | Uint8Array
/** A row, by its columns. */
export type CopiedRow = Readonly<Record<string, CopiedValue>>

/** Of the texts and bytes in it; a row that has more is a page of its own. */
const maxPageBytes = 1024 * 1024
/** Half of what a statement of PostgreSQL takes. */
const maxPageValues = 32_000

/** The rows of a table in the order of its key, as many at once as may be in memory. */
export function* pagesOf(database: DatabaseSync, table: Table): Generator<CopiedRow[]> {
  const maxRows = Math.floor(maxPageValues / table.columns.length)
  let page: CopiedRow[] = []
  let bytes = 0
  for (const row of rowsOf(database, table)) {
    const rowBytes = sizeOf(row)
    if (page.length > 0 && (page.length === maxRows || bytes + rowBytes > maxPageBytes)) {
      yield page
      page = []
      bytes = 0
    }
    page.push(row)
    bytes += rowBytes
  }
  if (page.length > 0) yield page
}

function rowsOf(
  database: DatabaseSync,
  { name, columns, key }: Table,
): Iterable<Record<string, SQLOutputValue>> {
  const listed = (names: readonly string[]) => names.map((one) => `"${one}"`).join(', ')
  return database
    .prepare(`select ${listed(columns)} from "${name}" order by ${listed(key)}`)
    .iterate()
}

function sizeOf(row: CopiedRow): number {
  return Object.values(row).reduce<number>((bytes, value) => bytes + bytesOf(value), 0)
}

function bytesOf(value: CopiedValue | undefined): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  return value instanceof Uint8Array ? value.length : 8
}

/** What rows are, whichever database they were read from. */
export interface RowDigest {
  add(row: CopiedRow): void
  /** How many there were, and SHA-256 over all values with their kinds, in hex. */
  result(): { rows: number; digest: string }
}

export function createRowDigest({ columns }: Pick<Table, 'columns'>): RowDigest {
  const hash = createHash('sha256')
  let rows = 0
  return {
    add(row) {
      rows++
      for (const column of columns) {
        const value = row[column]
        const bytes = value instanceof Uint8Array ? value : Buffer.from(String(value))
        hash.update(`${kindOf(value)}${bytes.length}:`).update(bytes)
      }
    },
    result: () => ({ rows, digest: hash.digest('hex') }),
  }
}

function kindOf(value: CopiedValue | undefined): string {
  if (value === null) return 'null'
  return value instanceof Uint8Array ? 'bytes' : typeof value
}
