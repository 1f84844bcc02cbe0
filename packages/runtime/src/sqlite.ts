import { closeSync, openSync } from 'node:fs'

/** What SQLite says of an error; an extended code says more above the lowest byte (https://sqlite.org/rescode.html). */
export const sqliteCodes = {
  busy: 5,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  notDatabase: 26,
} as const

/** The primary code of an error of node:sqlite; 0 for any other. */
export function sqliteCodeOf(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0
}

/** Makes a database file that only its owner can read, where there is none; SQLite gives those beside it the same mode. */
export function makePrivateDatabase(path: string): void {
  closeSync(openSync(path, 'a', 0o600))
}
