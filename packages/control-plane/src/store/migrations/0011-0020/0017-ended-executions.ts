import { type Kysely, sql } from 'kysely'

/** Forgetting old executions reads no others: to tell their age, the whole output of each would be read. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      'create index executions_ended on executions (created_at, finished_at) where finished_at is not null',
    )
    .execute(db)
}
