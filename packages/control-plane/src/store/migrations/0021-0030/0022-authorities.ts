import { type Kysely, sql } from 'kysely'

/** Whom nodes trust as this control plane, what they are told of it, and what they have made of it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `create table authorities (
        id text primary key, certificate text not null, key_sealed text, endorsement text,
        state text not null, created_at bigint not null, activated_at bigint, retired_at bigint)`,
    )
    .execute(db)
  await sql
    .raw(
      'create table node_heeds (node_id text primary key, heeded text not null, at bigint not null)',
    )
    .execute(db)
}
