import { ApiError } from '@plexd/protocol'
import { durationOf } from './durations.ts'

/** Milliseconds since 1970 in the wire format. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString()
}

export function timestampOrNull(ms: number | null): string | null {
  return ms === null ? null : timestamp(ms)
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i

/**
 * A time from a request: RFC 3339, or a duration as "that long ago". `Date.parse` alone would accept `5` as May 2001.
 * Throws an ApiError (400) that names the field.
 */
export function readMoment(
  text: string,
  { field, nowMs }: { field: string; nowMs: number },
): number {
  const ms = rfc3339.test(text) ? Date.parse(text) : agoMs(text, nowMs)
  if (Number.isFinite(ms)) return ms
  throw new ApiError(
    'bad_request',
    `${field} "${text}": want a time such as "2025-01-15T10:30:00Z", or how long ago, such as "5m"`,
  )
}

function agoMs(text: string, nowMs: number): number {
  const ms = durationOf(text) ?? Number.NaN
  return ms < 0 ? Number.NaN : nowMs - ms
}
