import { type Kysely, sql } from 'kysely'

/** The log says what has changed, too. What is in it from before says it of nothing: who follows it loads all at its start. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table events add column changes text`.execute(db)
  await sql`create index untold_changes on events (changes) where event_type = ''`.execute(db)
}
