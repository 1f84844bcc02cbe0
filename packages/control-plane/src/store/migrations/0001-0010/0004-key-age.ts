import { type Kysely, sql } from 'kysely'

/** When a node got its WireGuard key. Of older keys nobody knows: they may be as old as the node. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table nodes add column key_changed_at bigint not null default 0`.execute(db)
  await sql`update nodes set key_changed_at = registered_at`.execute(db)
}
