import { type Kysely, sql } from 'kysely'

/** A tenant may have several ranges, in an order; the one that it had is the first. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [
    `create table mesh_ranges (
      tenant_id text not null references tenants (id), cidr text not null, position bigint not null,
      last_address bigint not null, added_at bigint not null, primary key (tenant_id, position)
    )`,
    `insert into mesh_ranges (tenant_id, cidr, position, last_address, added_at)
      select id, mesh_cidr, 0, last_address, created_at from tenants`,
    'alter table tenants drop column mesh_cidr',
    'alter table tenants drop column last_address',
  ])
    await sql.raw(statement).execute(db)
}
