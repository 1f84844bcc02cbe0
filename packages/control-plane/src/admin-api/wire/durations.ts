import { ApiError, parseDuration } from '@plexd/protocol'

/** A duration from a request, in milliseconds. Throws an ApiError (400) that names the field and its limits. */
export function readDuration(
  text: string,
  { field, min, max }: { field: string; min: string; max: string },
): number {
  const ms = durationOf(text)
  if (ms === undefined || ms < parseDuration(min) || ms > parseDuration(max))
    throw new ApiError(
      'bad_request',
      `${field} "${text}": want a duration from "${min}" to "${max}"`,
    )
  return ms
}

/** In milliseconds; undefined for a text that is none. */
export function durationOf(text: string): number | undefined {
  try {
    return parseDuration(text)
  } catch {
    return undefined
  }
}
