import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'

/** The log says what has changed, too. What is in it from before says it of nothing: who follows it loads all at its start. */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  await sql`alter table events add column changes text`.execute(db)
  // The changes of a large unit are longer than PostgreSQL takes into a sorted index.
  const on = dialect === 'sqlite' ? 'events' : 'events using hash'
  await sql.raw(`create index untold_changes on ${on} (changes) where event_type = ''`).execute(db)
}
