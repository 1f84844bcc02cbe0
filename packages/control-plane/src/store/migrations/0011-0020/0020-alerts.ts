import { type Kysely, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'

/** Alert rules, what they found, silences, and webhooks with the messages that wait for them. */
export async function up(db: Kysely<unknown>, dialect: Dialect): Promise<void> {
  const number =
    dialect === 'sqlite'
      ? 'integer primary key autoincrement'
      : 'bigint generated always as identity primary key'
  for (const statement of [
    `create table alert_rules (
      tenant_id text not null references tenants (id), name text not null, spec text, revision integer not null,
      updated_at bigint not null, updated_by text not null, primary key (tenant_id, name))`,
    `create table alerts (
      id text primary key, tenant_id text not null references tenants (id), rule text not null, severity text not null,
      node_id text not null, hostname text not null, state text not null, summary text not null, value double precision,
      since bigint not null, fired_at bigint, resolved_at bigint, reason text not null default '', told integer not null)`,
    'create index alerts_by_tenant on alerts (tenant_id, since, id)',
    'create index alerts_open on alerts (tenant_id, since, id) where resolved_at is null',
    'create index alerts_resolved on alerts (resolved_at) where resolved_at is not null',
    `create table alert_silences (
      id text primary key, tenant_id text not null references tenants (id), rule text, node_id text, selector text,
      reason text not null, created_by text not null, created_at bigint not null, ends_at bigint not null, ended_by text)`,
    'create index alert_silences_by_tenant on alert_silences (tenant_id, created_at, id)',
    'create index alert_silences_by_end on alert_silences (ends_at)',
    `create table alert_webhooks (
      id text primary key, tenant_id text not null references tenants (id), name text not null, origin text not null,
      severities text not null, secret_sealed text not null, created_by text not null, created_at bigint not null,
      delivered bigint not null default 0, dropped bigint not null default 0, failures integer not null default 0,
      last_error text not null default '', retry_at bigint, unique (tenant_id, name))`,
    `create table alert_messages (
      no ${number}, id text not null, webhook_id text not null references alert_webhooks (id),
      body text not null, created_at bigint not null)`,
    'create index alert_messages_by_webhook on alert_messages (webhook_id, no)',
    "create index nodes_mismatched on nodes (id) where binary_state = 'mismatch'",
  ])
    await sql.raw(statement).execute(db)
}
