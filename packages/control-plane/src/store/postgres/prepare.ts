import { systemClock } from '@plexd/runtime'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { type MigrationWatch, migrate } from '../migrate.ts'
import { openPool } from './client.ts'
import type { PostgresPlace } from './place.ts'
import { writerLock } from './writer-driver.ts'

/** Over a large database, and for another process that is migrating it. */
const migrationMs = 30 * 60_000

/** Between two questions whether the writer's lock is free. */
const pauseMs = 500

/** Migrates a database while nobody writes, and hands it to the writer with that id. Whoever wrote before is marked as replaced. */
export async function prepareDatabase(
  place: PostgresPlace,
  {
    id,
    migration,
    signal,
  }: { id: string; migration?: MigrationWatch | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  const pool = openPool(place, 1, { lockWaitMs: migrationMs, statementMs: migrationMs })
  await using db = new Kysely<never>({ dialect: new PostgresDialect({ pool }) })
  // A lock of the session: migrations are several transactions. It ends with the connection, however that ends.
  await db.connection().execute(async (one) => {
    await demandEncoding(one)
    while (!(await tryLock(one))) await systemClock.sleep(pauseMs, signal)
    await migrate(one, 'postgres', migration)
    await sortByBytes(one)
    await takeOver(one, id)
    await sql`select pg_advisory_unlock(${sql.lit(writerLock)})`.execute(one)
  })
}

async function demandEncoding(db: Kysely<never>): Promise<void> {
  const { rows } = await sql<{ encoding: string; name: string }>`
    select current_setting('server_encoding') as encoding, current_database() as name`.execute(db)
  const [{ encoding, name } = { encoding: '', name: '' }] = rows
  if (encoding !== 'UTF8')
    throw new Error(
      `open database "${name}": its encoding is "${encoding}", which cannot hold every text: make one with "createdb --encoding UTF8 --template template0 ${name}"`,
    )
}

/** Gives every text column the order of SQLite, whatever the language of the database is; a migration need not think of it. */
async function sortByBytes(db: Kysely<never>): Promise<void> {
  const { rows } = await sql<{ name: string; columns: string[] }>`
    select relname as name, array_agg(attname::text order by attnum) as columns
    from pg_attribute join pg_class on pg_class.oid = attrelid
    where relnamespace = current_schema()::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped
      and atttypid = 'text'::regtype and attcollation <> '"C"'::regcollation
    group by relname`.execute(db)
  for (const { name, columns } of rows) {
    const changes = columns.map(
      (column) => sql`alter column ${sql.ref(column)} type text collate "C"`,
    )
    await sql`alter table ${sql.table(name)} ${sql.join(changes)}`.execute(db)
  }
}

async function tryLock(db: Kysely<never>): Promise<boolean> {
  const { rows } = await sql<{ is_ours: boolean }>`
    select pg_try_advisory_lock(${sql.lit(writerLock)}) as is_ours`.execute(db)
  return rows[0]?.is_ours === true
}

/** Those before write no more, but may ask for a while what became of a commit. */
async function takeOver(db: Kysely<never>, id: string): Promise<void> {
  await sql`create table if not exists store_writers (
    id text collate "C" primary key, commits bigint not null, replaced_at timestamptz)`.execute(db)
  await sql`with
    others as (update store_writers set replaced_at = now() where replaced_at is null),
    old as (delete from store_writers where replaced_at < now() - interval '1 day')
    insert into store_writers (id, commits) values (${id}, 0)`.execute(db)
}
