import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'

/**
 * The tables of schema.ts. PostgreSQL has another automatic number, takes no value for one that is given (the log gives `seq` itself), and
 * has room for 2,700 bytes in an index, which a long key and a long target exceed.
 */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const bytes = dialect === 'sqlite' ? 'blob' : 'bytea'
  const number = (name: string): string =>
    dialect === 'sqlite'
      ? `${name} integer primary key autoincrement`
      : `${name} bigint generated always as identity primary key`
  const seq = dialect === 'sqlite' ? number('seq') : 'seq bigint primary key'
  const oneOfKey = dialect === 'sqlite' ? ', unique (tenant_id, key, target)' : ''

  for (const statement of [
    'create table settings (name text primary key, value text not null)',
    `create table tenants (
      id text primary key, name text not null unique, mesh_cidr text not null,
      last_address bigint not null, created_at bigint not null)`,
    `create table admin_tokens (
      id text primary key, tenant_id text not null references tenants (id), name text not null,
      role text not null, token_hash text not null unique, created_at bigint not null, revoked_at bigint)`,
    `create table bootstrap_tokens (
      id text primary key, tenant_id text not null references tenants (id), token_hash text not null unique,
      hostname text, metadata text not null, nsk_format text, created_at bigint not null,
      expires_at bigint not null, revoked_at bigint, used_at bigint, node_id text, public_key text,
      answer_sealed text)`,
    'create index bootstrap_tokens_by_node on bootstrap_tokens (node_id)',
    `create table nodes (
      ${number('no')}, id text not null unique, tenant_id text not null references tenants (id),
      hostname text not null, mesh_ip text not null, public_key text not null, key_epoch bigint not null,
      token_hash text not null unique, nsk_hash text not null unique, nsk_sealed text not null,
      nsk_format text not null, metadata text not null, capabilities text, endpoint text not null,
      nat_type text not null, user_agent text not null, status text not null, rotate_keys integer not null,
      registered_at bigint not null, last_seen_at bigint, removed_at bigint)`,
    'create unique index nodes_hostname on nodes (tenant_id, hostname) where removed_at is null',
    'create unique index nodes_mesh_ip on nodes (tenant_id, mesh_ip) where removed_at is null',
    'create unique index nodes_public_key on nodes (tenant_id, public_key) where removed_at is null',
    'create index nodes_removed on nodes (removed_at) where removed_at is not null',
    `create table policies (
      id text primary key, tenant_id text not null references tenants (id), name text not null,
      revision bigint not null, position bigint not null, rules text not null, updated_at bigint not null,
      unique (tenant_id, name))`,
    `create table data_entries (
      id text primary key, tenant_id text not null references tenants (id), key text not null,
      target text not null, content_type text not null, payload text not null, version bigint not null,
      updated_at bigint not null${oneOfKey})`,
    `create table secrets (
      id text primary key, tenant_id text not null references tenants (id), key text not null,
      target text not null, value_sealed text not null, version bigint not null,
      updated_at bigint not null${oneOfKey})`,
    'create index data_entries_by_target on data_entries (tenant_id, target)',
    'create index secrets_by_target on secrets (tenant_id, target)',
    `create table key_versions (
      tenant_id text not null, kind text not null, key text not null, version bigint not null,
      primary key (tenant_id, kind, key))`,
    `create table reports (
      node_id text not null, key text not null, content_type text not null, payload text not null,
      version bigint not null, updated_at text not null, primary key (node_id, key))`,
    'create table report_batches (node_id text primary key, digest text not null, keys_before text not null)',
    `create table executions (
      id text primary key, tenant_id text not null references tenants (id), node_id text not null,
      action text not null, type text not null, parameters text not null, checksum text,
      timeout text not null, status text not null, reason text not null, exit_code bigint,
      stdout text not null, stderr text not null, duration text not null, raw_status text,
      triggered_by text not null, result_digest text, event_seq bigint not null, created_at bigint not null,
      deadline_at bigint not null, acked_at bigint, finished_at bigint)`,
    'create index executions_by_node on executions (node_id, created_at)',
    "create index executions_open on executions (deadline_at) where status in ('pending', 'accepted')",
    `create table signing_keys (
      id text primary key, public_key text not null, private_key_sealed text not null, state text not null,
      since_seq bigint not null, created_at bigint not null, expires_at bigint)`,
    `create table events (
      ${seq}, event_id text not null, event_type text not null, audience ${bytes} not null,
      payload text not null, created_at bigint not null)`,
    `create table artifacts (
      version text not null, os text not null, arch text not null, size bigint not null,
      checksum text not null, created_at bigint not null, primary key (version, os, arch))`,
    ...(dialect === 'sqlite' ? [] : ['data_entries', 'secrets'].map(oneOfKeyByDigest)),
  ]) {
    await sql.raw(statement).execute(db)
  }
}

function oneOfKeyByDigest(table: string): string {
  return `create unique index ${table}_by_key on ${table} (tenant_id, key, md5(target))`
}
