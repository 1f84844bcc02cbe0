import { type QueryExecutorProvider, sql } from 'kysely'

/**
 * A database to which an installation is being moved has a table that names that. It is there before all else that is copied, and goes in the
 * transaction that brings the state: while it is there, nothing in the database may be served.
 */
const table = 'arriving_installation'

/** Which one is being moved there, by its first tenant. */
export async function readArriving(db: QueryExecutorProvider): Promise<string | undefined> {
  const { rows } = await sql<{ it: string | null }>`
    select to_regclass(${table})::text as it`.execute(db)
  if (rows[0]?.it === null) return undefined
  const { rows: named } = await sql<{ first_tenant: string }>`
    select first_tenant from ${sql.table(table)}`.execute(db)
  return named[0]?.first_tenant
}

/** May be repeated. */
export async function noteArriving(tx: QueryExecutorProvider, firstTenant: string): Promise<void> {
  await sql`create table if not exists ${sql.table(table)} (
    id integer primary key, first_tenant text collate "C" not null)`.execute(tx)
  await sql`insert into ${sql.table(table)} values (1, ${firstTenant}) on conflict do nothing`.execute(
    tx,
  )
}

export async function forgetArriving(tx: QueryExecutorProvider): Promise<void> {
  await sql`drop table if exists ${sql.table(table)}`.execute(tx)
}
