import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { noPostgres, openForTests, startPostgres } from '@plexd/runtime/testing'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'
import { openPostgresReader, openPostgresStore } from '../postgres/postgres.ts'
import type { Tables } from '../schema.ts'
import { openSqliteStore } from '../sqlite.ts'
import { filledRows, fillTables } from '../testing/fill-tables.ts'
import { type CopiedTable, copyTables } from './copy-tables.ts'
import { pagesOf } from './rows.ts'
import { describeTables, inOrder } from './tables.ts'

/** All of the schema, or this does not compile. */
const allTables: Record<keyof Tables, true> = {
  admin_tokens: true,
  alert_messages: true,
  alert_rules: true,
  alert_silences: true,
  alert_webhooks: true,
  alerts: true,
  artifacts: true,
  authorities: true,
  bootstrap_tokens: true,
  data_entries: true,
  events: true,
  executions: true,
  forwards: true,
  key_versions: true,
  lives: true,
  mesh_ranges: true,
  node_heeds: true,
  nodes: true,
  policies: true,
  recordings: true,
  report_batches: true,
  reports: true,
  run_nodes: true,
  runs: true,
  schedule_turns: true,
  schedules: true,
  secrets: true,
  sessions: true,
  settings: true,
  signing_keys: true,
  tenants: true,
  trusted_builds: true,
}

/** A migrated file whose tables are filled. */
async function makeSource() {
  const folder = await makeTemporaryFolder()
  const path = `${folder.path}/control-plane.db`
  await (await openSqliteStore(path))[Symbol.asyncDispose]()
  const database = new DatabaseSync(path)
  fillTables(database)
  return {
    database,
    async [Symbol.asyncDispose]() {
      database.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

describe('the tables of a file', () => {
  it('are all of the schema, each after those that it refers to', async () => {
    await using source = await makeSource()
    const names = describeTables(source.database).map(({ name }) => name)
    assert.deepEqual(names.toSorted(), Object.keys(allTables).sort())
    assert.ok(names.indexOf('runs') < names.indexOf('run_nodes'))
  })

  it('are in no order if they refer to each other', () => {
    assert.deepEqual(
      inOrder(['c', 'b', 'a'], (name) => ({ c: ['b'], b: ['a'] })[name] ?? []),
      ['a', 'b', 'c'],
    )
    assert.throws(() => inOrder(['a', 'b'], (name) => [name === 'a' ? 'b' : 'a']), /a, b/)
  })

  it('are read in pages of a size that fits into memory', async () => {
    await using source = await makeSource()
    const { database } = source
    const put = database.prepare('insert into settings (name, value) values (?, ?)')
    for (let row = 0; row < 9; row++) put.run(`large${row}`, 'x'.repeat(400_000))
    put.run('largest', 'x'.repeat(3_000_000))
    const [settings] = describeTables(database).filter(({ name }) => name === 'settings')
    assert.ok(settings)
    const pages = [...pagesOf(database, settings)]
    assert.equal(pages.flat().length, filledRows + 10)
    for (const page of pages)
      assert.ok(
        page.length === 1 ||
          page.reduce((sum, { value }) => sum + `${value}`.length, 0) < 1_100_000,
      )
  })
})

describe('copyTables', { skip: noPostgres }, () => {
  const server = openForTests(startPostgres)

  const copy = async (database: DatabaseSync, url: string): Promise<CopiedTable[]> => {
    await using store = await openPostgresStore({ url })
    return await store.write((tx) => copyTables(database, tx, () => {}))
  }

  it('brings every row of every table to PostgreSQL as it is', async () => {
    await using source = await makeSource()
    const url = server.createDatabase()
    const copied = await copy(source.database, url)
    assert.deepEqual(copied.map(({ table }) => table).sort(), Object.keys(allTables).sort())
    for (const { table, source: from, target } of copied) {
      assert.deepEqual(target, from, table)
      assert.equal(from.rows, filledRows, table)
    }
    await using reader = openPostgresReader({ url })
    for (const { name, key } of describeTables(source.database)) {
      const rows = await reader
        .selectFrom(name as keyof Tables)
        .selectAll()
        .execute()
      assert.deepEqual(
        sorted(rows, key),
        sorted(source.database.prepare(`select * from "${name}"`).all(), key),
        name,
      )
    }
  })

  it('gives out numbers behind those of the file, also of rows that are gone', async () => {
    await using source = await makeSource()
    const { database } = source
    database.exec('update nodes set no = 5000 where no = 1; delete from nodes where no = 5000')
    database.exec("update sqlite_sequence set seq = 5000 where name = 'nodes'")
    const url = server.createDatabase()
    await copy(database, url)
    assert.equal(
      server.psql(url, "select nextval(pg_get_serial_sequence('nodes', 'no'))").trim(),
      '5001',
    )
    const last = server.psql(url, "select nextval(pg_get_serial_sequence('alert_messages', 'no'))")
    assert.equal(Number(last), 10 * (filledRows - 1) + 2)
  })

  it('says of which table a value is that is no number of ours, and leaves nothing there', async () => {
    await using source = await makeSource()
    const { database } = source
    database.exec('update reports set version = 9007199254740993')
    const url = server.createDatabase()
    await assert.rejects(copy(database, url), /copy table "reports": .*9007199254740993/)
    assert.equal(server.psql(url, 'select count(*) from tenants').trim(), '0')
  })

  it('says of which table a row is that came back as another', async () => {
    await using source = await makeSource()
    const url = server.createDatabase()
    await (await openPostgresStore({ url }))[Symbol.asyncDispose]()
    server.psql(
      url,
      `create function change() returns trigger language plpgsql as $$ begin new.payload = new.payload || 'x'; return new; end $$;
       create trigger change before insert on reports for each row execute function change()`,
    )
    await assert.rejects(
      copy(source.database, url),
      /copy table "reports": its 12 rows came back as 12 others: nothing was taken over/,
    )
  })
})

/** By the key, whatever the order of the database is; bytes as a list. */
function sorted(rows: readonly object[], key: readonly string[]): unknown[] {
  const textOf = (row: Record<string, unknown>) => JSON.stringify(key.map((column) => row[column]))
  return rows
    .map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [
          name,
          value instanceof Uint8Array ? [...value] : value,
        ]),
      ),
    )
    .sort((one, other) => (textOf(one) < textOf(other) ? -1 : 1))
}
