import type { RawBuilder, Selectable, SelectQueryBuilder } from 'kysely'
import type { Tables } from '../store/schema.ts'

/** How much of a list is wanted at once, by items and by bytes: an answer is made in one go. */
export interface PageBounds {
  limit: number
  maxBytes: number
}

/** The first of a list, one at least if there is one. */
export interface FirstOf<Row> {
  rows: Row[]
  /** Whether others come behind them. */
  more: boolean
}

/** Rows are read when it is known for how many there is room; `bytes` is the size of one. */
export async function readPage<Table extends keyof Tables>(
  rows: SelectQueryBuilder<Tables, Table, object>,
  bytes: RawBuilder<number>,
  bounds: PageBounds,
): Promise<FirstOf<Selectable<Tables[Table]>>> {
  const sizes = await rows
    .select(bytes.as('bytes'))
    .limit(bounds.limit + 1)
    .execute()
  const { count, more } = countWithin(sizes, bounds)
  if (count === 0) return { rows: [], more }
  const read = await rows.selectAll().limit(count).execute()
  return { rows: read as Selectable<Tables[Table]>[], more } // what all columns are
}

/** How many there is room for, of as many as there are up to one more than the limit. */
export function countWithin(
  sizes: readonly { bytes: number }[],
  { limit, maxBytes }: PageBounds,
): { count: number; more: boolean } {
  let bytes = 0
  let count = 0
  for (const size of sizes.slice(0, limit)) {
    bytes += size.bytes
    if (bytes > maxBytes && count > 0) break
    count++
  }
  return { count, more: sizes.length > count }
}
