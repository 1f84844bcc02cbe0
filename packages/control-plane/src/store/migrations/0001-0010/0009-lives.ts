import { type Kysely, sql } from 'kysely'

/** Runs of the control plane that wrote events. All that is in the log already is taken for the work of one. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table lives (id text primary key, first_seq bigint not null)`.execute(db)
  const id = crypto.randomUUID().replaceAll('-', '').slice(0, 12)
  await sql`insert into lives (id, first_seq) values (${id}, 0)`.execute(db)
}
