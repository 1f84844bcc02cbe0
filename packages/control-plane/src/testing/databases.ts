import { join } from 'node:path'
import { noPostgres, startPostgres } from '@plexd/runtime/testing'
import type { Reader, Store } from '../store/db.ts'
import { openPostgresReader, openPostgresStore } from '../store/postgres/postgres.ts'
import { openKysely, openSqliteStore } from '../store/sqlite.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

/** Databases of one dialect, for the tests of a file. */
export interface Databases extends AsyncDisposable {
  /** A new, empty one: its path or URL. */
  create(): Promise<string>
  open(
    place: string,
    options?: { onGroup?: (size: number) => void; maxGroupMs?: number },
  ): Promise<Store>
  /** What another process would read. */
  openReader(place: string): Reader
}

interface DialectUnderTest {
  name: string
  /** Why it cannot be tested here. */
  skip: string | false
  openDatabases(): Promise<Databases>
}

/** What holds for a store holds on each. */
export const dialects: readonly DialectUnderTest[] = [
  { name: 'SQLite', skip: false, openDatabases: openSqliteDatabases },
  { name: 'PostgreSQL', skip: noPostgres, openDatabases: openPostgresDatabases },
]

async function openSqliteDatabases(): Promise<Databases> {
  const folder = await makeTemporaryFolder()
  let count = 0
  return {
    create: async () => join(folder.path, `${++count}.db`),
    open: openSqliteStore,
    openReader: (path) => openKysely(path, { readOnly: true }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

async function openPostgresDatabases(): Promise<Databases> {
  const server = await startPostgres()
  return {
    create: async () => server.createDatabase(),
    open: (url, options) => openPostgresStore({ url }, options),
    openReader: (url) => openPostgresReader({ url }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
