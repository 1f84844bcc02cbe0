import { sqliteCodeOf, sqliteCodes } from '@plexd/runtime'
import { NothingChanged } from './nothing-changed.ts'

/**
 * The ApiError for a disk that is full or cannot be written: nothing has changed, and a retry may
 * succeed. Any other error is returned unchanged.
 */
export function diskErrorOf(error: unknown): unknown {
  const code = sqliteCodeOf(error)
  const { full, ioError, readOnly } = sqliteCodes
  if (code !== full && code !== ioError && code !== readOnly) return error
  const reason = code === full ? 'the disk is full' : 'the disk cannot be written to'
  return new NothingChanged(reason, { cause: error, retryAfterSeconds: 30 })
}
