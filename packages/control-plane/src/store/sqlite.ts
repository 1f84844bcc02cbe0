import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { Kysely, sql } from 'kysely'
import { limits } from '../limits.ts'
import { createCommitQueue } from './commit-queue.ts'
import type { Store } from './db.ts'
import { migrate } from './migrate.ts'
import { createPatience } from './patience.ts'
import { PatientDialect } from './patient-dialect.ts'
import { openPrivateDatabase } from './private-database.ts'
import type { Tables } from './schema.ts'
import { diskErrorOf } from './sqlite-error.ts'

/** Opens, or creates and migrates, the database file. */
export async function openSqliteStore(
  path: string,
  { onGroup, lockWaitMs }: { onGroup?: (size: number) => void; lockWaitMs?: number } = {},
): Promise<Store> {
  const writer = openKysely<Tables>(path, { lockWaitMs })
  await migrate(writer as unknown as Kysely<never>, 'sqlite') // the tables come into being here
  // A connection of its own, so that a read in the middle of a group sees only what is committed.
  const reader = openKysely<Tables>(path, { readOnly: true, lockWaitMs })
  const queue = createCommitQueue(writer, onGroup)
  return {
    reader,
    write: (work, hooks) => queue.write(work, hooks).catch(rethrow),
    async ping() {
      await sql`select 1`.execute(reader)
    },
    async scrub() {
      // Old pages wait in the write-ahead log until others take their place.
      await sql`pragma wal_checkpoint(truncate)`.execute(writer).catch(rethrow)
    },
    async [Symbol.asyncDispose]() {
      await queue.drain()
      await reader.destroy()
      await writer.destroy()
    },
  }
}

/** For what is done once, at the start, when nobody waits for the event loop. */
const openingMs = 5_000

/** Kysely on node:sqlite: WAL, and an fsync with every commit. Waits `lockWaitMs` for other processes. */
export function openKysely<Schema>(
  path: string,
  { readOnly = false, lockWaitMs }: { readOnly?: boolean; lockWaitMs?: number | undefined } = {},
): Kysely<Schema> {
  const database = readOnly
    ? new DatabaseSync(path, { readOnly, timeout: openingMs })
    : openPrivateDatabase(path, openingMs)
  // What is deleted, and the sealed texts that a new master key replaces, must not stay in free space.
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
      let statement = statements.get(sql)
      if (!statement) {
        if (statements.size >= maxStatements) statements.clear()
        statement = database.prepare(sql)
        statements.set(sql, statement)
      }
      const prepared = statement
      return {
        reader: prepared.columns().length > 0,
        all: (parameters: readonly unknown[]) => prepared.all(...(parameters as SQLInputValue[])), // as Kysely binds them
        run: (parameters: readonly unknown[]) => prepared.run(...(parameters as SQLInputValue[])),
        iterate: (parameters: readonly unknown[]) =>
          prepared.iterate(...(parameters as SQLInputValue[])),
      }
    },
  }
}

/** Statements kept ready; queries with lists of varying length would grow it without end. */
const maxStatements = 500

function rethrow(error: unknown): never {
  throw diskErrorOf(error)
}
