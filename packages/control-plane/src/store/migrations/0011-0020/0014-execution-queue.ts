import { type Kysely, sql } from 'kysely'

/** Executions wait for a place on their node, and can be cancelled. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const columns = [
    'sent_at bigint',
    'expires_at bigint',
    'held_until bigint',
    'cancel_requested_at bigint',
    'cancel_seq bigint',
    'late integer not null default 0',
  ]
  for (const column of columns)
    await sql.raw(`alter table executions add column ${column}`).execute(db)
  const statements = [
    'update executions set sent_at = created_at',
    'drop index executions_open',
    `create index executions_open on executions (deadline_at)
      where status in ('queued', 'pending', 'accepted')`,
    `create index executions_outstanding on executions (node_id) where status in ('pending', 'accepted')`,
    `create index executions_queued on executions (node_id, created_at, id) where status = 'queued'`,
    `create index executions_queued_of_tenant on executions (tenant_id) where status = 'queued'`,
    'create index executions_held on executions (held_until) where held_until is not null',
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
