import { type Kysely, sql } from 'kysely'

/** A list of those in one status reads no others, or few, whether they have ended or not. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [
    'create index executions_ended_by_status on executions (node_id, status, created_at, id) where finished_at is not null',
    'create index runs_ended_by_state on runs (tenant_id, state, created_at, id) where ended_at is not null',
    'drop index executions_outstanding',
    `create index executions_outstanding on executions (node_id, created_at, id) where status in ('pending', 'accepted')`,
    'drop index runs_open',
    "create index runs_open on runs (tenant_id, created_at, id) where state in ('preparing', 'running', 'paused')",
  ])
    await sql.raw(statement).execute(db)
}
