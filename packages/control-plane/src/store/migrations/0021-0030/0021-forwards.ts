import { type Kysely, sql } from 'kysely'

/** How far telemetry was passed on. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `create table forwards (
        name text not null, kind text not null, position text not null, sent bigint not null default 0,
        refused bigint not null default 0, removed bigint not null default 0, sent_at bigint,
        error text, error_at bigint, primary key (name, kind))`,
    )
    .execute(db)
}
