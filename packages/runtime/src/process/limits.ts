import { type Bounds, withinBounds } from './bounds.ts'

/**
 * A bound that a daemon holds others to. It can be set, by its name; whoever meets it is told the name and the number.
 */
export interface Limit extends Bounds {
  default: number
  /** What it bounds, for the reference: starts in lower case, no full stop. */
  summary: string
}

export type LimitTable = Readonly<Record<string, Limit>>

/** The limits of a table, by name. */
export type Limits<Table extends LimitTable> = { readonly [Name in keyof Table]: number }

type Span = Pick<Bounds, 'min' | 'max'>

/** A row of a table, by what it counts. What is counted in milliseconds says what it may be: too short is as bad as too long. */
export const limit = {
  bytes: (standard: number, summary: string, span: Partial<Span> = {}): Limit => ({
    ...{ unit: 'bytes', default: standard, summary, min: 1_024, max: 2 ** 50, ...span },
  }),
  count: (standard: number, summary: string, span: Partial<Span> = {}): Limit => ({
    ...{ unit: 'count', default: standard, summary, min: 1, max: 1e9, ...span },
  }),
  ms: (standard: number, summary: string, span: Span): Limit => ({
    ...{ unit: 'ms', default: standard, summary, ...span },
  }),
}

/** Identity function that keeps the names of a table. */
export function limitTable<const Table extends LimitTable>(table: Table): Table {
  return table
}

/**
 * The defaults with overrides, by name. Throws an error that names the unknown limit and
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
    checkLimit(name, value, table[name] as Limit) // it is one of its own
  }
  const numbers = Object.entries(table).map(([name, limit]) => [
    name,
    Number(given[name] ?? limit.default),
  ])
  return Object.fromEntries(numbers) as Limits<Table> // the same names
}

function checkLimit(name: string, value: unknown, bounds: Limit): void {
  const isWhole = typeof value !== 'object' && /^\d{1,16}$/.test(String(value))
  const number = isWhole ? Number(value) : Number.NaN
  try {
    withinBounds(number, { ...bounds, unit: 'count' })
  } catch (error) {
    const unit = bounds.unit === 'count' ? '' : ` ${bounds.unit}`
    throw new Error(`limit ${name} is "${String(value)}": ${(error as Error).message}${unit}`)
  }
}

/** Parses `name=1000` from the command line. Throws if the form is wrong. */
export function parseLimit(text: string): [name: string, value: string] {
  const [, name, value] = /^([a-z0-9_]+)=(\d+)$/.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new Error(`limit "${text}": want NAME=NUMBER, as in body_bytes_in_flight=268435456`)
  return [name, value]
}
