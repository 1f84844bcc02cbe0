import { type Kysely, sql } from 'kysely'

/** 1 while a node's peers have yet to be told where it is: that must outlast a restart. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table nodes add column endpoint_untold integer not null default 0`.execute(db)
}
