import { type Kysely, sql } from 'kysely'

/** One action on many nodes, and the times at which such runs are started. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [
    `create table runs (
      id text primary key, tenant_id text not null references tenants (id), action text not null,
      parameters text not null, timeout text, expires text, criterion text, selector text, max_parallel bigint not null,
      max_failures bigint not null, canary bigint not null, state text not null, stop text,
      waiting bigint not null, running bigint not null, succeeded bigint not null, failed bigint not null,
      cancelled bigint not null, skipped bigint not null, retry_of text, schedule_id text, schedule text,
      triggered_by text not null, created_at bigint not null, expires_at bigint not null, ended_at bigint)`,
    'create index runs_by_tenant on runs (tenant_id, created_at, id)',
    "create index runs_open on runs (tenant_id) where state in ('preparing', 'running', 'paused')",
    'create index runs_ended on runs (ended_at)',
    `create table run_nodes (
      run_id text not null references runs (id) on delete cascade, position bigint not null, node_id text not null,
      status text not null, reason text not null, execution_id text, exit_code bigint, started_at bigint,
      executed_at bigint, ended_at bigint, primary key (run_id, position))`,
    'create index run_nodes_by_status on run_nodes (run_id, status, position)',
    'create unique index run_nodes_by_execution on run_nodes (execution_id) where execution_id is not null',
    `create table schedules (
      id text primary key, tenant_id text not null references tenants (id), name text not null, cron text not null,
      time_zone text not null, start_within text not null, spec text not null, enabled integer not null,
      next_due_at bigint, created_by text not null, triggered_by text not null, created_at bigint not null, unique (tenant_id, name))`,
    'create index schedules_due on schedules (next_due_at) where next_due_at is not null',
    `create table schedule_turns (
      schedule_id text not null references schedules (id) on delete cascade, due_at bigint not null,
      outcome text not null, reason text not null, missed bigint not null, run_id text, at bigint not null,
      primary key (schedule_id, due_at))`,
  ])
    await sql.raw(statement).execute(db)
}
