import { type Kysely, sql } from 'kysely'

/**
 * Entries under a key that no node ever took: an empty one, or one of more than 512 characters. A node that was told of
 * one refused its whole state, and no path of the admin API names them any more.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const table of ['data_entries', 'secrets'])
    await sql`delete from ${sql.table(table)} where length(key) not between 1 and 512`.execute(db)
}
