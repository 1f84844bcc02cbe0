import { sqliteCodeOf, sqliteCodes } from '@plexd/runtime'
import { NothingChanged } from './nothing-changed.ts'

/**
 * What the caller is told when the disk is full, or refuses to be written to: nothing has changed, and a retry may
 * find it mended. Any other error is given back as it is.
 */
export function diskErrorOf(error: unknown): unknown {
  const code = sqliteCodeOf(error)
  const { full, ioError, readOnly } = sqliteCodes
  if (code !== full && code !== ioError && code !== readOnly) return error
  const reason = code === full ? 'the disk is full' : 'the disk cannot be written to'
  return new NothingChanged(reason, { cause: error, retryAfterSeconds: 30 })
}
