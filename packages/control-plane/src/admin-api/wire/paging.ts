import { ApiError } from '@plexd/protocol'
import type { Limits } from '../../limits.ts'
import type { FirstOf, PageBounds } from '../../rows/page.ts'

/** The position in a list, returned as `next` and accepted as `after`; opaque to clients. */
export type Cursor = readonly (string | number)[]

export interface PageQuery {
  limit?: string
  after?: string
}

const defaultLimit = 100
const maxLimit = 1_000

/** The requested `limit`, by default 100 and at most 1,000 items, and the limit page_bytes. */
export function boundsOf(
  { limit }: PageQuery,
  { limits }: { limits: Pick<Limits, 'page_bytes'> },
): PageBounds {
  return {
    limit: limit === undefined ? defaultLimit : Math.min(Number(limit), maxLimit),
    maxBytes: limits.page_bytes,
  }
}

/** The cursor in `after`, with the shape of `like`; undefined for the first page. Throws an ApiError (400). */
export function cursorOf<C extends Cursor>({ after }: PageQuery, like: C): C | undefined {
  if (after === undefined) return undefined
  const parts = decode(after)
  const fits =
    Array.isArray(parts) &&
    parts.length === like.length &&
    parts.every((part, index) => isLike(part, like[index]))
  if (!fits) throw new ApiError('bad_request', `after "${after}" is no cursor of this list`)
  return parts as unknown as C // of the same length and types
}

/** Numbers in rows are whole ones. */
function isLike(part: unknown, other: Cursor[number] | undefined): boolean {
  return typeof other === 'number' ? Number.isSafeInteger(part) : typeof part === typeof other
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
