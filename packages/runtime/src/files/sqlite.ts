import { closeSync, openSync } from 'node:fs'

/** SQLite's result code of an error; extended codes have more above the lowest byte (https://sqlite.org/rescode.html). */
export const sqliteCodes = {
  busy: 5,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notDatabase: 26,
} as const

/** The primary result code of a node:sqlite error; 0 for any other error. */
export function sqliteCodeOf(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0
}

/** Creates a database file readable only by its owner, if there is none; SQLite uses the same mode for its companion files. */
export function makePrivateDatabase(path: string): void {
  closeSync(openSync(path, 'a', 0o600))
}
