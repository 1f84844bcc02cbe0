import { ApiError } from '@plexd/protocol'
import type { RawBuilder, Selectable, SelectQueryBuilder } from 'kysely'
import type { Limits } from '../limits.ts'
import type { Tables } from '../store/schema.ts'

/** Where in a list a page ends, as `next` gives it and `after` takes it back; opaque to clients. */
export type Cursor = readonly (string | number)[]

export interface PageQuery {
  limit?: string
  after?: string
}

const defaultLimit = 100
const maxLimit = 1_000

/** What `limit` asks for: 100 when absent, 1,000 at most. */
export function limitOf({ limit }: PageQuery): number {
  return limit === undefined ? defaultLimit : Math.min(Number(limit), maxLimit)
}

/** The cursor in `after`, of the shape of `like`; undefined for the first page. Throws an ApiError (400). */
export function cursorOf<C extends Cursor>({ after }: PageQuery, like: C): C | undefined {
  if (after === undefined) return undefined
  const parts = decode(after)
  const fits =
    Array.isArray(parts) &&
    parts.length === like.length &&
    parts.every((part, index) => typeof part === typeof like[index])
  if (!fits) throw new ApiError('bad_request', `after "${after}" is no cursor of this list`)
  return parts as unknown as C // of the same length and types
}

/** A page out of one row more than it holds. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  { item, cursor }: { item: (row: Row) => Item; cursor: (row: Row) => Cursor },
): { items: Item[]; next: string | null } {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const next = last !== undefined && rows.length > limit ? encode(cursor(last)) : null
  return { items: shown.map(item), next }
}

/**
 * A page by items and by bytes, because an answer is made in one go: its rows are read when it is known how many there is
 * room for, one at least. `sizes` are those of one row more than the page may hold.
 */
export async function readPage<Row>({
  sizes,
  limit,
  maxBytes,
  read,
  cursor,
}: {
  sizes: readonly { bytes: number }[]
  limit: number
  maxBytes: number
  read: (count: number) => Promise<Row[]>
  cursor: (row: Row) => Cursor
}): Promise<{ rows: Row[]; next: string | null }> {
  const count = countWithin(sizes.slice(0, limit), maxBytes)
  const rows = count === 0 ? [] : await read(count)
  const last = rows.at(-1)
  return { rows, next: last !== undefined && sizes.length > count ? encode(cursor(last)) : null }
}

/** The same for rows of a table, as a query of the admin API asks for them; `bytes` is the size of one. */
export async function readRows<Table extends keyof Tables>(
  rows: SelectQueryBuilder<Tables, Table, object>,
  {
    bytes,
    query,
    limits,
    cursor,
  }: {
    bytes: RawBuilder<number>
    query: PageQuery
    limits: Pick<Limits, 'page_bytes'>
    cursor: (row: Selectable<Tables[Table]>) => Cursor
  },
): Promise<{ rows: Selectable<Tables[Table]>[]; next: string | null }> {
  const limit = limitOf(query)
  return readPage({
    sizes: await rows
      .select(bytes.as('bytes'))
      .limit(limit + 1)
      .execute(),
    limit,
    maxBytes: limits.page_bytes,
    cursor,
    read: (count) =>
      rows.selectAll().limit(count).execute() as Promise<Selectable<Tables[Table]>[]>, // what all columns are
  })
}

/** How many of these, from the first, stay within the bytes: one at least, if there is one. */
function countWithin(sizes: readonly { bytes: number }[], maxBytes: number): number {
  let bytes = 0
  for (const [at, size] of sizes.entries()) {
    bytes += size.bytes
    if (bytes > maxBytes && at > 0) return at
  }
  return sizes.length
}

/** A page whose items are JSON text already. */
export function pageJson(items: readonly string[], next: string | null): string {
  return `{"items":[${items.join(',')}],"next":${JSON.stringify(next)}}`
}

function encode(cursor: Cursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString('base64url')
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    return undefined
  }
}
