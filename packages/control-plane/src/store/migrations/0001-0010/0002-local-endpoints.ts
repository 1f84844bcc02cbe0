import { type Kysely, sql } from 'kysely'

/** Where peers in its own network reach a node. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`alter table nodes add column local_endpoints text not null default '[]'`)
    .execute(db)
}
