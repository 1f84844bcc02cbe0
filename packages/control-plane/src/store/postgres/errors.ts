import pg from 'pg'
import { NothingChanged } from '../nothing-changed.ts'

/** A row with the same key is there already. */
export class DuplicateRow extends Error {}

/** By the code of PostgreSQL, or its class in two digits (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const reasons: Readonly<Record<string, string>> = {
  '53': 'the database has no room or no connection left',
  '57': 'the database is starting or stopping',
  '40': 'the database has undone it in favour of another transaction',
  '25006': 'the database cannot be written to: it may be a standby',
  '42501': 'the database does not let this user do that',
  '25P03': 'this program was too slow, and the database has ended its transaction',
  '55P03': 'the database is locked by another process, for longer than limit database_lock_wait',
}

/**
 * What callers are told of an error of PostgreSQL or of the way to it: a NothingChanged (503) where a later attempt may succeed, a
 * DuplicateRow for a key that is taken, otherwise the error itself.
 */
export function storeErrorOf(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof NothingChanged) return error
  if (!(error instanceof pg.DatabaseError)) return unreachable(error)
  const { code = '', constraint = '' } = error
  if (code === '23505')
    return new DuplicateRow(`write to the database: "${constraint}" is taken`, { cause: error })
  const reason = reasons[code] ?? reasons[code.slice(0, 2)]
  return reason === undefined ? error : later(reason, error)
}

/** Of an attempt to connect: whatever is wrong there may be right later. */
export function connectErrorOf(error: unknown): unknown {
  const known = storeErrorOf(error)
  return known instanceof NothingChanged || !(known instanceof Error)
    ? known
    : later('the database lets nobody in', known)
}

/** Whether the server has said that a transaction did not commit; anything else may have happened before or after the commit. */
export function saysNotCommitted(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity === 'ERROR'
}

const wayCodes =
  /^(ECONN|EPIPE|ENOENT|ENOTFOUND|EAI_|ETIMEDOUT|EHOST|ENET)|^(Connection terminated|Query read timeout|timeout expired|Client (was closed|has encountered)|timeout exceeded)/

function unreachable(error: Error): Error {
  const code = 'code' in error ? String(error.code) : ''
  const isOfWay = wayCodes.test(code) || wayCodes.test(error.message)
  return isOfWay ? later('the database cannot be reached', error) : error
}

function later(reason: string, cause: Error): NothingChanged {
  return new NothingChanged(reason, { cause, retryAfterSeconds: 5 })
}
