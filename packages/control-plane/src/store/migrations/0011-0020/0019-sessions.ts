import { type Kysely, sql } from 'kysely'

/** Remote sessions of operators on nodes, and the sealed keys of their recordings, whose chunks are in a database of their own. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [
    `create table sessions (
      id text primary key, tenant_id text not null references tenants (id), node_id text not null,
      operator_id text not null, operator_name text not null, state text not null, way text not null,
      login text not null, public_key text not null, actions text not null, forward text not null,
      shell integer not null, recorded integer not null, record_input integer not null, idle_timeout text not null,
      opened_at bigint not null, expires_at bigint not null, setup_seq bigint not null, listen_addr text,
      closed_at bigint, reason text, detail text not null default '', revoked_seq bigint, reported_at bigint,
      duration text, bytes_in bigint, bytes_out bigint, recording_chunks bigint)`,
    'create index sessions_by_tenant on sessions (tenant_id, opened_at, id)',
    'create index sessions_by_node on sessions (node_id, opened_at, id)',
    "create index sessions_open on sessions (expires_at) where state <> 'closed'",
    "create index sessions_open_of_node on sessions (node_id) where state <> 'closed'",
    "create index sessions_open_of_operator on sessions (operator_id) where state <> 'closed'",
    "create index sessions_unheard on sessions (node_id) where state <> 'open' and reported_at is null",
    'create index sessions_closed on sessions (closed_at) where closed_at is not null',
    `create table recordings (
      id text primary key, tenant_id text not null, node_id text not null, key_sealed text,
      created_at bigint not null, completed_at bigint, expired_at bigint)`,
    'create index recordings_kept on recordings (created_at) where expired_at is null',
  ])
    await sql.raw(statement).execute(db)
}
