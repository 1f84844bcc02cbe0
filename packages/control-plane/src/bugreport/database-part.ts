import { statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { describeError } from '@plexd/runtime'
import { databasesOf, fileIn, openDatabase, type Place } from '../doctor/place.ts'
import { postgresPlace } from '../store/place/database.ts'
import { examineServer } from '../store/postgres/examine.ts'
import { nameOfPlace } from '../store/postgres/place.ts'
import { pageFault } from '../store/side/fault.ts'

/** Looking at all pages of a larger one takes too long here; "doctor" does so. */
const maxCheckedBytes = 256 * 1024 ** 2

/** Sizes, pages and numbers of rows of each database; no row of it. One that cannot be read is its error. */
export async function describeDatabases(place: Place): Promise<Record<string, unknown>> {
  const files = databasesOf(place).map((name) => [name, describeFile(place, name)])
  return { ...(await describeServer(place)), ...Object.fromEntries(files) }
}

async function describeServer({ config }: Place): Promise<Record<string, unknown>> {
  const place = postgresPlace(config)
  if (!place) return {}
  const facts = examineServer(place).catch((error: unknown) => ({ error: describeError(error) }))
  return { [nameOfPlace(place)]: await facts }
}

function describeFile(place: Place, name: string): unknown {
  const path = fileIn(place, name)
  try {
    const bytes = statSync(path).size
    const wal = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0
    using database = openDatabase(path)
    const isChecked = bytes <= maxCheckedBytes
    return {
      bytes,
      wal_bytes: wal,
      quick_check: isChecked ? (pageFault(database) ?? 'ok') : 'not looked at: it is too large',
      schema_version: schemaVersionOf(database),
      ...(isChecked ? { rows: countRows(database) } : {}),
    }
  } catch (error) {
    return { error: describeError(error) }
  }
}

function schemaVersionOf(database: DatabaseSync): unknown {
  const found = database
    .prepare("select count(*) as found from sqlite_schema where name = 'schema_version'")
    .get()?.found
  if (found === 0) return database.prepare('pragma user_version').get()?.user_version
  return database.prepare('select version from schema_version').get()?.version
}

function countRows(database: DatabaseSync): Record<string, unknown> {
  const tables = database
    .prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
    .all()
    .map(({ name }) => String(name))
  return Object.fromEntries(
    tables.map((name) => [
      name,
      database.prepare(`select count(*) as rows from "${name.replaceAll('"', '""')}"`).get()?.rows,
    ]),
  )
}
