import { Kysely, PostgresDialect, sql } from 'kysely'
import { limits } from '../../limits.ts'
import { openPool } from './client.ts'
import type { PostgresPlace } from './place.ts'

/** The advisory lock of whoever makes the tables beside the state; of its transaction. */
const tablesLock = 7_036_874_419

export interface BesideOptions {
  /** Statements that are run at every opening: `create table if not exists`, each text column with `collate "C"`. */
  schema: readonly string[]
  /** Connections at the same time. */
  max?: number
  lockWaitMs?: number | undefined
  /** Longest time of a statement, in milliseconds. */
  statementMs?: number
}

/**
 * For bulk data beside the state that no unit of work changes, in the same database: connections of its own, on which nobody waits for
 * the writer's lock.
 */
export async function openBeside<Schema>(
  place: PostgresPlace,
  { schema, max = 4, lockWaitMs = limits.database_lock_wait.default, ...rest }: BesideOptions,
): Promise<Kysely<Schema>> {
  const db = new Kysely<Schema>({
    dialect: new PostgresDialect({ pool: openPool(place, max, { lockWaitMs, ...rest }) }),
  })
  try {
    await db.transaction().execute(async (tx) => {
      await sql`select pg_advisory_xact_lock(${sql.lit(tablesLock)})`.execute(tx)
      for (const statement of schema) await sql.raw(statement).execute(tx)
    })
    return db
  } catch (error) {
    await db.destroy()
    throw error
  }
}
