import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { Kysely, sql } from 'kysely'
import { limits } from '../limits.ts'
import { createCommitQueue } from './commit-queue.ts'
import type { Store, StoreOptions } from './db.ts'
import { migrate } from './migrate.ts'
import { createPatience } from './patience.ts'
import { PatientDialect } from './patient-dialect.ts'
import { openPrivateDatabase } from './private-database.ts'
import type { Tables } from './schema.ts'
import { diskErrorOf } from './sqlite-error.ts'

/** Opens, or creates and migrates, the database file. */
export async function openSqliteStore(
  path: string,
  { onGroup, migration, lockWaitMs, maxGroupMs }: StoreOptions = {},
): Promise<Store> {
  const writer = openKysely<Tables>(path, { lockWaitMs })
  await migrate(writer as unknown as Kysely<never>, 'sqlite', migration) // the tables are created here
  // A separate connection, so that a read in the middle of a group only sees committed data.
  const reader = openKysely<Tables>(path, { readOnly: true, lockWaitMs })
  const queue = createCommitQueue(writer, onGroup, maxGroupMs)
  return {
    reader,
    write: (work, hooks) => queue.write(work, hooks).catch(rethrow),
    async ping() {
      await sql`select 1`.execute(reader)
    },
    async scrub() {
      // Old pages stay in the write-ahead log until they are overwritten.
      await sql`pragma wal_checkpoint(truncate)`.execute(writer).catch(rethrow)
    },
    async [Symbol.asyncDispose]() {
      await queue.drain()
      await reader.destroy()
      await writer.destroy()
    },
  }
}

/** For startup, when nobody is waiting for the event loop yet. */
const openingMs = 5_000

/** Kysely on node:sqlite: WAL, and an fsync for every commit. Waits `lockWaitMs` for other processes. */
export function openKysely<Schema>(
  path: string,
  { readOnly = false, lockWaitMs }: { readOnly?: boolean; lockWaitMs?: number | undefined } = {},
): Kysely<Schema> {
  const database = readOnly
    ? new DatabaseSync(path, { readOnly, timeout: openingMs })
    : openPrivateDatabase(path, openingMs)
  // Deleted data, and sealed texts replaced after a master key rotation, must not remain in free pages.
  if (!readOnly) database.exec('pragma journal_mode = wal; pragma secure_delete = on')
  database.exec('pragma synchronous = full; pragma foreign_keys = on')
  database.exec('pragma busy_timeout = 0')
  const patience = createPatience(lockWaitMs ?? limits.database_lock_wait.default)
  return new Kysely<Schema>({
    dialect: new PatientDialect({ database: adapt(database) }, patience),
  })
}

function adapt(database: DatabaseSync) {
  const statements = new Map<string, StatementSync>()
  return {
    close: () => database.close(),
    prepare(sql: string) {
      if (statements.size >= maxStatements && !statements.has(sql)) statements.clear()
      const prepared = statements.getOrInsertComputed(sql, () => database.prepare(sql))
      return {
        reader: prepared.columns().length > 0,
        all: (parameters: readonly unknown[]) => prepared.all(...(parameters as SQLInputValue[])), // Kysely binds only such values
        run: (parameters: readonly unknown[]) => prepared.run(...(parameters as SQLInputValue[])),
        iterate: (parameters: readonly unknown[]) =>
          prepared.iterate(...(parameters as SQLInputValue[])),
      }
    },
  }
}

/** Limits the statement cache, which queries with lists of varying length would fill. */
const maxStatements = 500

function rethrow(error: unknown): never {
  throw diskErrorOf(error)
}
