import type { RawBuilder, SelectQueryBuilder } from 'kysely'
import type { Tables } from '../store/schema.ts'

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
export async function readPage<Table extends keyof Tables, Selected, Item>(
  rows: SelectQueryBuilder<Tables, Table, Selected>,
  bytes: RawBuilder<number>,
  bounds: PageBounds,
  itemOf: (row: Selected) => Item,
): Promise<FirstOf<Item>> {
  const sizes = await rows
    .clearSelect()
    .select(bytes.as('bytes'))
    .limit(bounds.limit + 1)
    .execute()
  const { rows: fitting, more } = firstOf(sizes, bounds, (size) => size.bytes)
  if (fitting.length === 0) return { rows: [], more }
  const read = await rows.limit(fitting.length).execute()
  return { rows: (read as Selected[]).map(itemOf), more } // what the query selects
}

/** The items of a list that fit into a page; `bytesOf` is the size of one. */
export function firstOf<Item>(
  items: readonly Item[],
  { limit, maxBytes }: PageBounds,
  bytesOf: (item: Item) => number,
): FirstOf<Item> {
  const rows: Item[] = []
  let bytes = 0
  for (const item of items.slice(0, limit)) {
    bytes += bytesOf(item)
    if (bytes > maxBytes && rows.length > 0) break
    rows.push(item)
  }
  return { rows, more: items.length > rows.length }
}
