import { type Kysely, sql } from 'kysely'
import { version } from '../version.ts'
import { migrations as from1To10 } from './migrations/0001-0010/index.ts'
import { migrations as from11To20 } from './migrations/0011-0020/index.ts'
import { migrations as from21To30 } from './migrations/0021-0030/index.ts'
import type { Dialect } from './migrations/dialect.ts'

/** In order; a released migration is never edited, a later one corrects it. */
const migrations = [...from1To10, ...from11To20, ...from21To30]

/** The version that this program brings a database to. */
export const newestSchema = migrations.length

/** Counted from 1: the number of its file. */
export interface MigrationStep {
  step: number
  of: number
}

/** Who hears of the steps that change a database of an earlier version; none is told of a new one. */
export interface MigrationWatch {
  /** Before the first. What it rejects with leaves the database as it is. */
  prepare?(schema: { from: number; to: number }): Promise<void>
  begin?(step: MigrationStep): void
  end?(step: MigrationStep): void
}

type Untyped = Kysely<{ schema_version: { version: number } } & Written>
/** From the first step on. */
interface Written {
  settings: { name: string; value: string }
}

/** The version of the program that brought the database to its schema. */
const writerName = 'schema_by'

/** Brings the schema to the newest version, each step in a transaction. Refuses a database newer than this program. */
export async function migrate(
  db: Kysely<never>,
  dialect: Dialect,
  watch: MigrationWatch = {},
): Promise<void> {
  const untyped = db as unknown as Untyped // before the tables of schema.ts exist
  await sql`create table if not exists schema_version (version bigint not null)`.execute(untyped)
  const row = await untyped.selectFrom('schema_version').select('version').executeTakeFirst()
  const from = row?.version ?? 0
  if (from > newestSchema) throw new Error(await refusalOf(untyped, from))
  if (from === newestSchema) return
  const { prepare, begin, end } = from > 0 ? watch : {}
  await prepare?.({ from, to: newestSchema })
  for (const [index, migration] of migrations.entries()) {
    if (index < from) continue
    const step = { step: index + 1, of: newestSchema }
    begin?.(step)
    await untyped.transaction().execute(async (tx) => {
      await migration.up(tx as unknown as Kysely<unknown>, dialect) // a migration defines its own tables
      await tx.deleteFrom('schema_version').execute()
      await tx.insertInto('schema_version').values({ version: step.step }).execute()
      await tx
        .insertInto('settings')
        .values({ name: writerName, value: version })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: version }))
        .execute()
    })
    end?.(step)
  }
}

/** Programs before 0.2 wrote no name, but they are no newer than this one. */
async function refusalOf(db: Untyped, schema: number): Promise<string> {
  const row = await db
    .selectFrom('settings')
    .select('value')
    .where('name', '=', writerName)
    .executeTakeFirst()
  const by = row ? `plexd-control-plane ${row.value}` : 'a newer plexd-control-plane'
  return `open database: ${by} has brought it to schema ${schema}, and this is ${version}, which knows ${newestSchema}: start the newer one, or go back to the backup from before the upgrade: plexd-control-plane restore FILE --data-dir DIR --force`
}
