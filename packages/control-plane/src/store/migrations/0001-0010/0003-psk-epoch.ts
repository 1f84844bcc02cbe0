import { type Kysely, sql } from 'kysely'

/** The PSKs of a tenant change with the epoch; 0 stands for those that were given out before there was one. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table tenants add column psk_epoch bigint not null default 0`.execute(db)
}
