import { ApiError } from '@plexd/protocol'

/**
 * What the caller is told when the disk is full, or refuses to be written to: nothing has changed, and a retry may
 * find it mended. Any other error is given back as it is.
 */
export function diskErrorOf(error: unknown): unknown {
  const primary = errcodeOf(error) & 0xff
  if (![sqliteFull, sqliteIoError, sqliteReadOnly].includes(primary)) return error
  const reason = primary === sqliteFull ? 'the disk is full' : 'the disk cannot be written to'
  return new ApiError('unavailable', `nothing was changed: ${reason}`, {
    cause: error,
    retryAfterSeconds: 30,
  })
}

const sqliteFull = 13
const sqliteIoError = 10
const sqliteReadOnly = 8

/** SQLite's extended result code; 0 for any other error. */
export function errcodeOf(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0
}
