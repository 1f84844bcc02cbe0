import { type Kysely, sql } from 'kysely'
import { migrations as from1To10 } from './migrations/0001-0010/index.ts'
import { migrations as from11To20 } from './migrations/0011-0020/index.ts'
import { migrations as from21To30 } from './migrations/0021-0030/index.ts'
import type { Dialect } from './migrations/dialect.ts'
import type { OnStep } from './start-step.ts'

/** In order; a released migration is never edited, a later one corrects it. */
const migrations = [...from1To10, ...from11To20, ...from21To30]

/** The version that this program brings a database to. */
export const newestSchema = migrations.length

/** A step over a large database: it reads and writes each row once. */
const migrationMs = 30 * 60_000

/** Brings the schema to the newest version, each step in a transaction. Refuses a database newer than this program. */
export async function migrate(
  db: Kysely<never>,
  dialect: Dialect,
  /** Called before each step of a database that is not new. */
  onStep: OnStep = () => {},
): Promise<void> {
  const untyped = db as unknown as Kysely<{ schema_version: { version: number } }> // before the tables of schema.ts exist
  await sql`create table if not exists schema_version (version bigint not null)`.execute(untyped)
  const row = await untyped.selectFrom('schema_version').select('version').executeTakeFirst()
  const from = row?.version ?? 0
  if (from > newestSchema) {
    throw new Error(
      `open database: its schema has version ${from}, this program knows ${newestSchema}; run the newer program`,
    )
  }
  for (const [index, step] of migrations.entries()) {
    if (index < from) continue
    const words = `changing the database, step ${index + 1} of ${newestSchema}`
    if (from > 0) onStep({ words, maxMs: migrationMs })
    await untyped.transaction().execute(async (tx) => {
      await step.up(tx as unknown as Kysely<unknown>, dialect) // a migration defines its own tables
      await tx.deleteFrom('schema_version').execute()
      await tx
        .insertInto('schema_version')
        .values({ version: index + 1 })
        .execute()
    })
  }
}
