import { type Kysely, sql } from 'kysely'

/** Who wrote a report entry, as its node says. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table reports add column written_by text`.execute(db)
}
