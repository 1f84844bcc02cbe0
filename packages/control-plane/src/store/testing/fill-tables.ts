import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { describeTables } from '../copy/tables.ts'

/** Of each table. */
export const filledRows = 12

/** Texts and numbers that are easily lost on the way from one database to another. */
const texts = [
  'a\0b',
  '\u0001\u0001\u0002',
  '\0',
  `it's "quoted" \\x41 $1 %s {"json":[1,null,"é"]}`,
  'ü€😀\r\n\t',
  '-----BEGIN -----\n',
]
const integers = [0, 1, -1, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 2 ** 40]
const smallIntegers = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 7]
const fractions = [0.1, -0, 1.7976931348623157e308, 5e-324, -1.5, 1e21]

interface Column {
  name: string
  type: string
  notnull: number
  pk: number
}

/** Puts rows into every table of a migrated file, whatever its columns are; the values mean nothing. */
export function fillTables(database: DatabaseSync): void {
  for (const { name, columns } of describeTables(database)) {
    database.exec(`delete from "${name}"`)
    const described = database
      .prepare('select name, type, "notnull", pk from pragma_table_info(?)')
      .all(name) as unknown as Column[] // as the pragma is documented
    const parents = parentsOf(database, name)
    const insert = database.prepare(
      `insert into "${name}" (${columns.map((one) => `"${one}"`).join(', ')}) values (${columns.map(() => '?').join(', ')})`,
    )
    for (let row = 0; row < filledRows; row++)
      insert.run(
        ...described.map((column) => parents.get(column.name)?.[row] ?? makeValue(column, row)),
      )
  }
}

/** Values that a column may have because it refers to another. */
function parentsOf(database: DatabaseSync, table: string): Map<string, SQLInputValue[]> {
  const references = database
    .prepare('select "from", "table", "to" from pragma_foreign_key_list(?)')
    .all(table)
  return new Map(
    references.map(({ from, table: parent, to }) => [
      String(from),
      database
        .prepare(`select "${to}" as it from "${parent}"`)
        .all()
        .map(({ it }) => it ?? null),
    ]),
  )
}

function makeValue({ name, type, notnull, pk }: Column, row: number): SQLInputValue {
  const at = <Value>(values: readonly Value[]) => values[row % values.length] as Value
  if (!notnull && !pk && row % 4 === 3) return null
  const kind = type.toLowerCase()
  // Rows differ in each text, so that no unique index objects.
  if (kind === 'text') return `${at(texts)}${name}${row}`
  if (kind === 'blob') return Uint8Array.of(0, row, 255, ...Buffer.from(at(texts)))
  if (kind === 'double precision') return at(fractions)
  if (pk) return 10 * row + 1
  return kind === 'bigint' ? at(integers) : at(smallIntegers)
}
