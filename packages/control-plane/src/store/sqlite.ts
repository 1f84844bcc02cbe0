import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { Kysely, SqliteDialect, sql } from 'kysely'
import { createCommitQueue } from './commit-queue.ts'
import type { Store } from './db.ts'
import { migrate } from './migrate.ts'
import { openPrivateDatabase } from './private-database.ts'
import type { Tables } from './schema.ts'
import { diskErrorOf, errcodeOf } from './sqlite-error.ts'

/** Opens, or creates and migrates, the database file. */
export async function openSqliteStore(
  path: string,
  { onGroup }: { onGroup?: (size: number) => void } = {},
): Promise<Store> {
  const writer = openKysely<Tables>(path)
  await migrate(writer as unknown as Kysely<never>, 'sqlite') // the tables come into being here
  // A connection of its own, so that a read in the middle of a group sees only what is committed.
  const reader = openKysely<Tables>(path, { readOnly: true })
  const queue = createCommitQueue(writer, onGroup)
  return {
    dialect: 'sqlite',
    reader,
    write: (work, hooks) => queue.write(work, hooks).catch(rethrow),
    async scrub() {
      // Old pages wait in the write-ahead log until others take their place.
      await sql`pragma wal_checkpoint(truncate)`.execute(writer).catch(rethrow)
    },
    isUniqueViolation: (error) => [1555, 2067].includes(errcodeOf(error)),
    async [Symbol.asyncDispose]() {
      await queue.drain()
      await reader.destroy()
      await writer.destroy()
    },
  }
}

const timeoutMs = 5_000

/** Kysely on node:sqlite: WAL, and an fsync with every commit. */
export function openKysely<Schema>(path: string, { readOnly = false } = {}): Kysely<Schema> {
  const database = readOnly
    ? new DatabaseSync(path, { readOnly, timeout: timeoutMs })
    : openPrivateDatabase(path, timeoutMs)
  // What is deleted, and the sealed texts that a new master key replaces, must not stay in free space.
  if (!readOnly) database.exec('pragma journal_mode = wal; pragma secure_delete = on')
  database.exec('pragma synchronous = full; pragma foreign_keys = on')
  return new Kysely<Schema>({ dialect: new SqliteDialect({ database: adapt(database) }) })
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
