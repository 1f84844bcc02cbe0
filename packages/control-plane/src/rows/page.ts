import type { RawBuilder, SelectQueryBuilder } from 'kysely'
import type { Row, Tables } from '../store/schema.ts'

/** The size of a page, in items and bytes, because an answer is built in one go. */
export interface PageBounds {
  limit: number
  maxBytes: number
}

/** The first items of a list; at least one if there is any. */
export interface FirstOf<Item> {
  rows: Item[]
  /** Whether there are more items after them. */
  more: boolean
}

/** Reads the sizes first, then only the rows that fit; `bytes` is the size of one. */
export async function readPage<Table extends keyof Tables, Item>(
  rows: SelectQueryBuilder<Tables, Table, object>,
  bytes: RawBuilder<number>,
  bounds: PageBounds,
  itemOf: (row: Row<Table>) => Item,
): Promise<FirstOf<Item>> {
  const sizes = await rows
    .select(bytes.as('bytes'))
    .limit(bounds.limit + 1)
    .execute()
  const { count, more } = countWithin(sizes, bounds)
  if (count === 0) return { rows: [], more }
  const read = await rows.selectAll().limit(count).execute()
  return { rows: (read as Row<Table>[]).map(itemOf), more } // what all columns are
}

/** How many items fit; the list has up to one more than the limit. */
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
