import { type Kysely, sql } from 'kysely'

/** The release signature of a plexd binary. Those from before have none. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table artifacts add column signature text`.execute(db)
}
