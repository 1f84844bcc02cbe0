/**
 * A bound that a daemon holds others to. It can be set, by its name; whoever meets it is told the name and the number.
 */
export interface Limit {
  /** What counts: a whole number of these. */
  unit: 'bytes' | 'ms' | 'count'
  default: number
  /** What it bounds, for the reference: starts in lower case, no full stop. */
  summary: string
}

export type LimitTable = Readonly<Record<string, Limit>>

/** The limits of a table, by name. */
export type Limits<Table extends LimitTable> = { readonly [Name in keyof Table]: number }

/** A row of a table, by what it counts. */
export const limit = { bytes: limitIn('bytes'), ms: limitIn('ms'), count: limitIn('count') }

function limitIn(unit: Limit['unit']): (standard: number, summary: string) => Limit {
  return (standard, summary) => ({ unit, default: standard, summary })
}

/** Identity function that keeps the names of a table. */
export function limitTable<const Table extends LimitTable>(table: Table): Table {
  return table
}

/**
 * The defaults with overrides: integers of at least 1 by name. Throws an error that names the unknown limit and
 * lists all of them.
 */
export function resolveLimits<Table extends LimitTable>(
  table: Table,
  given: Readonly<Record<string, unknown>>,
): Limits<Table> {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(table, name))
      throw new Error(
        `there is no limit "${name}": there are ${Object.keys(table).sort().join(', ')}`,
      )
    if (!/^[1-9]\d{0,14}$/.test(String(value)))
      throw new Error(`limit ${name} is "${String(value)}": want a whole number, 1 or more`)
  }
  const numbers = Object.entries(table).map(([name, limit]) => [
    name,
    Number(given[name] ?? limit.default),
  ])
  return Object.fromEntries(numbers) as Limits<Table> // the same names
}

/** Parses `name=1000` from the command line. Throws if the form is wrong. */
export function parseLimit(text: string): [name: string, value: string] {
  const [, name, value] = /^([a-z0-9_]+)=(\d+)$/.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new Error(`limit "${text}": want NAME=NUMBER, as in body_bytes_in_flight=268435456`)
  return [name, value]
}
