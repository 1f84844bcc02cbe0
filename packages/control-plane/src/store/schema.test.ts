import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { it } from 'node:test'
import { noPostgres, startPostgres } from '@plexd/runtime/testing'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { openPostgresStore } from './postgres/postgres.ts'
import { openSqliteStore } from './sqlite.ts'

/** Lines as `nodes.id text not null`, `nodes unique (id)`, `nodes index nodes_removed (removed_at) where removed_at is not null`. */
type Schema = string[]

/** What PostgreSQL has instead; see the first migration and that of untold_changes. */
const instead: Readonly<Record<string, string>> = {
  'data_entries unique (key, target, tenant_id)':
    'data_entries unique (key, md5(target), tenant_id)',
  'secrets unique (key, target, tenant_id)': 'secrets unique (key, md5(target), tenant_id)',
}
/** Of PostgreSQL alone: whose commit it was. */
const ownTable = 'store_writers'

it('is the same on SQLite and PostgreSQL: tables, columns, keys and indices', {
  skip: noPostgres,
}, async () => {
  await using folder = await makeTemporaryFolder()
  const path = join(folder.path, 'control-plane.db')
  await (await openSqliteStore(path))[Symbol.asyncDispose]()
  await using server = await startPostgres()
  const url = server.createDatabase()
  await (await openPostgresStore({ url }))[Symbol.asyncDispose]()

  const ofPostgres = schemaOfPostgres((statement) => server.psql(url, statement))

  assert.deepEqual(
    ofPostgres.filter((line) => !line.startsWith(ownTable)),
    schemaOfSqlite(path)
      .map((line) => instead[line] ?? line)
      .sort(),
  )
  const sorted =
    "select count(*) from pg_attribute join pg_class on pg_class.oid = attrelid where relnamespace = 'public'::regnamespace and relkind = 'r' and attcollation = 100 and not attisdropped"
  assert.equal(server.psql(url, sorted).trim(), '0', 'columns are not sorted by bytes')
})

function schemaOfSqlite(path: string): Schema {
  using db = new DatabaseSync(path, { readOnly: true })
  const tables = db
    .prepare("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")
    .all()
  return tables
    .flatMap(({ name }) => [
      ...sqliteColumns(db, `${name}`),
      ...sqliteIndices(db, `${name}`),
      ...sqliteReferences(db, `${name}`),
    ])
    .sort()
}

function sqliteColumns(db: DatabaseSync, table: string): Schema {
  return db
    .prepare(`pragma table_info(${table})`)
    .all()
    .map(({ name, type, notnull, pk, dflt_value }) =>
      columnLine(table, {
        name: `${name}`,
        // Those of an automatic number.
        type: pk && type === 'INTEGER' ? 'bigint' : `${type}`,
        isNeeded: notnull === 1 || pk !== 0,
        standard: dflt_value === null ? '' : `${dflt_value}`,
      }),
    )
}

function columnLine(
  table: string,
  {
    name,
    type,
    isNeeded,
    standard,
  }: { name: string; type: string; isNeeded: boolean; standard: string },
): string {
  const kind = { blob: 'bytea' }[type.toLowerCase()] ?? type.toLowerCase()
  return `${table}.${name} ${kind}${isNeeded ? ' not null' : ''}${standard && ` default ${standard}`}`
}

function sqliteIndices(db: DatabaseSync, table: string): Schema {
  const rowid = db
    .prepare(`pragma table_info(${table})`)
    .all()
    .filter(({ pk, type }) => pk && type === 'INTEGER')
  const all = db.prepare(`pragma index_list(${table})`).all()
  return [
    ...rowid.map(({ name }) => `${table} unique (${name})`),
    ...all.map(({ name, unique, origin }) => {
      const columns = db
        .prepare(`pragma index_info(${name})`)
        .all()
        .map((column) => `${column.name}`)
      if (origin !== 'c') return `${table} unique (${columns.sort().join(', ')})`
      const text = `${db.prepare('select sql from sqlite_master where name = ?').get(name as string)?.sql}`
      const [, where = ''] = / where (.*)$/s.exec(text) ?? []
      return indexLine(table, { name: `${name}`, columns, isUnique: unique === 1, where })
    }),
  ]
}

function indexLine(
  table: string,
  {
    name,
    columns,
    isUnique,
    where,
  }: { name: string; columns: string[]; isUnique: boolean; where: string },
): string {
  return `${table} ${isUnique ? 'unique ' : ''}index ${name} (${columns.join(', ')})${where && ` where ${plain(where)}`}`
}

/** Without what only one of them writes. */
function plain(condition: string): string {
  return condition
    .replaceAll('::text', '')
    .replace(/ = any \(array\[(.*?)\]\)/gi, ' in ($1)')
    .replace(/^\((.*)\)$/s, '$1')
    .replace(/\((\w+ (?:in \([^)]*\)|<> '\w+'|= '\w*'|is (?:not )?null))\)/gi, '$1')
    .replace(/\((\w+ (?:in \([^)]*\)|<> '\w+'|= '\w*'|is (?:not )?null))\)/gi, '$1')
    .replace(/\s+/g, ' ')
    .toLowerCase()
}

function sqliteReferences(db: DatabaseSync, table: string): Schema {
  return db
    .prepare(`pragma foreign_key_list(${table})`)
    .all()
    .map(
      ({ from, table: to, on_delete }) =>
        `${table}.${from} references ${to} on delete ${`${on_delete}`.toLowerCase()}`,
    )
}

type Ask = (statement: string) => string

function schemaOfPostgres(ask: Ask): Schema {
  return [...postgresColumns(ask), ...postgresIndices(ask), ...postgresReferences(ask)].sort()
}

function rowsOf<Row>(ask: Ask, query: string): Row[] {
  return JSON.parse(ask(`select coalesce(json_agg(found), '[]') from (${query}) as found`))
}

function postgresColumns(ask: Ask): Schema {
  const columns = rowsOf<
    Record<'table_name' | 'column_name' | 'data_type' | 'is_nullable' | 'column_default', string>
  >(
    ask,
    `select table_name, column_name, data_type, is_nullable, column_default
    from information_schema.columns where table_schema = 'public'`,
  )
  return columns.map(({ table_name, column_name, data_type, is_nullable, column_default }) =>
    columnLine(table_name, {
      name: column_name,
      type: data_type,
      isNeeded: is_nullable === 'NO',
      standard: `${column_default ?? ''}`.replaceAll('::text', ''),
    }),
  )
}

interface PostgresIndex {
  table: string
  name: string
  indisunique: boolean
  /** Whether it is there for a key of the table. */
  of_table: boolean
  columns: string[]
  condition: string | null
}

function postgresIndices(ask: Ask): Schema {
  const indices = rowsOf<PostgresIndex>(
    ask,
    `select t.relname as table, i.relname as name, indisunique,
      exists (select 1 from pg_constraint where conindid = i.oid) as of_table,
      array(select pg_get_indexdef(i.oid, at, true) from generate_series(1, indnkeyatts) as at) as columns,
      pg_get_expr(indpred, indrelid) as condition
    from pg_index join pg_class t on t.oid = indrelid join pg_class i on i.oid = indexrelid
    where t.relnamespace = 'public'::regnamespace`,
  )
  return indices.map(({ table, name, indisunique, of_table, columns, condition }) => {
    const names = columns.map((column) => column.replaceAll('"', ''))
    if (of_table || `${name}`.endsWith('_by_key'))
      return `${table} unique (${names.toSorted(byLetters).join(', ')})`
    return indexLine(table, { name, columns: names, isUnique: indisunique, where: condition ?? '' })
  })
}

/** As if the expression were the column. */
function byLetters(one: string, other: string): number {
  const letters = (text: string): string => text.replace(/^md5\((.*)\)$/, '$1')
  return letters(one) < letters(other) ? -1 : 1
}

function postgresReferences(ask: Ask): Schema {
  const keys = rowsOf<Record<string, string>>(
    ask,
    `select conrelid::regclass::text as table, confrelid::regclass::text as to, confdeltype,
      (select attname from pg_attribute where attrelid = conrelid and attnum = conkey[1]) as column
    from pg_constraint where contype = 'f'`,
  )
  return keys.map(
    ({ table, column, to, confdeltype }) =>
      `${table}.${column} references ${to} on delete ${confdeltype === 'c' ? 'cascade' : 'no action'}`,
  )
}
