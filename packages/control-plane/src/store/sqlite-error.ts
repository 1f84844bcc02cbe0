import { sqliteCodeOf, sqliteCodes } from '@plexd/runtime'
import { NothingChanged } from './nothing-changed.ts'

/**
 * The ApiError for a disk that is full or cannot be written: nothing has changed, and a retry may
 * succeed. Any other error is returned unchanged.
 */
export function diskErrorOf(error: unknown): unknown {
  const code = sqliteCodeOf(error)
  const { full, ioError, readOnly } = sqliteCodes
  if ((code !== full && code !== ioError && code !== readOnly) || isCutShort(error)) return error
  const reason = code === full ? 'the disk is full' : 'the disk cannot be written to'
  return new NothingChanged(reason, { cause: error, retryAfterSeconds: 30 })
}

/** Whether a database file cannot be read because of what is in it. */
export function isDamaged(error: unknown): boolean {
  const code = sqliteCodeOf(error)
  return code === sqliteCodes.corrupt || code === sqliteCodes.notDatabase || isCutShort(error)
}

/** SQLITE_IOERR_SHORT_READ, as of a last page that is not whole. */
function isCutShort(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 522
}
