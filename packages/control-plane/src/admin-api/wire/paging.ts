import { ApiError } from '@plexd/protocol'
import type { Config } from '../../config/config.ts'
import type { FirstOf, PageBounds } from '../../rows/page.ts'

/** The position in a list, returned as `next` and accepted as `after`; opaque to clients. */
export type Cursor = readonly (string | number)[]

export interface PageQuery {
  limit?: string
  after?: string
}

const defaultLimit = 100
const maxLimit = 1_000

/** The requested `limit`: default 100, at most 1,000. */
export function limitOf({ limit }: PageQuery): number {
  return limit === undefined ? defaultLimit : Math.min(Number(limit), maxLimit)
}

/** The maximum size of a page in bytes. */
export function boundsOf(query: PageQuery, { limits }: Pick<Config, 'limits'>): PageBounds {
  return { limit: limitOf(query), maxBytes: limits.page_bytes }
}

/** The cursor in `after`, with the shape of `like`; undefined for the first page. Throws an ApiError (400). */
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

/** Makes a page from up to one row more than its limit. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  { item, cursor }: { item: (row: Row) => Item; cursor: (row: Row) => Cursor },
): { items: Item[]; next: string | null } {
  const shown = rows.slice(0, limit)
  const next = nextOf({ rows: shown, more: rows.length > limit }, cursor)
  return { items: shown.map(item), next }
}

/** The cursor of the last row, if there are more. */
export function nextOf<Row>(
  { rows, more }: FirstOf<Row>,
  cursor: (row: Row) => Cursor,
): string | null {
  const last = rows.at(-1)
  return last !== undefined && more ? encode(cursor(last)) : null
}

/** A page whose items are already JSON text. */
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
