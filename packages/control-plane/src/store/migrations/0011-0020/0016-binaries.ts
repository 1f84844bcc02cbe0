import { type Kysely, sql } from 'kysely'

/** What runs on nodes, how that was judged, and the checksums of builds that operators vouch for. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [
    'alter table nodes add column binary_version text',
    'alter table nodes add column binary_checksum text',
    'alter table nodes add column binary_state text',
    'alter table nodes add column binary_since bigint',
    'alter table nodes add column binary_told integer',
    `create index nodes_by_binary on nodes (binary_version) where binary_version is not null and removed_at is null`,
    `create table trusted_builds (
      version text not null, os text not null, arch text not null, checksum text not null,
      trusted_by text not null, created_at bigint not null, primary key (version, os, arch, checksum))`,
  ])
    await sql.raw(statement).execute(db)
}
