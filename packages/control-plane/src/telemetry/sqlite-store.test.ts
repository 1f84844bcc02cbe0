import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import { packRecords } from './packs/pack.ts'
import { openPartition } from './partition.ts'
import { openSqliteTelemetry } from './sqlite-store.ts'
import type { RecordSource, TelemetryStore } from './store.ts'

const web = { tenant_id: 'ten_a', node_id: 'n_web' }

describe('openSqliteTelemetry', () => {
  it('searches while a file only begins to be one of the store', async () => {
    await withStore(async ({ store, folder }) => {
      await store.append({ kind: 'logs', source: web, records: ['{"n":1}'] })
      await writeFile(join(folder, 'telemetry', 'logs-000002.db'), '')
      const query = { tenant_id: 'ten_a', kind: 'logs', order: 'oldest', limit: 9 } as const
      const pages = store.search({ ...query, sinceMs: 0, untilMs: 9e15 })
      assert.equal((await Array.fromAsync(pages)).flat().length, 1)
    })
  })

  it('deletes whole days as files', async () => {
    await withStore(async ({ store, clock, folder }) => {
      const limits = { maxBytes: 1e9, maxAuditBytes: 1e9, maxTenantBytes: 1e9 }
      const files = async () =>
        (await readdir(join(folder, 'telemetry'))).filter((name) => name.endsWith('.db'))
      await store.append({ kind: 'logs', source: web, records: Array(100).fill('1') })
      clock.nowMs += dayMs
      await store.append({ kind: 'logs', source: web, records: Array(10).fill('2') })
      clock.nowMs += 1_000
      await store.append({ kind: 'logs', source: web, records: Array(9_000).fill('3') })
      assert.equal((await files()).length, 2)
      assert.equal(await store.prune({ ...limits, beforeMs: clock.nowMs }), 110)
      assert.deepEqual(await files(), ['logs-000002.db'])
      const { removed } = await store.readAfter({ kind: 'logs', after: '10', limit: 1 })
      assert.equal(removed, 100)
    })
  })

  it('takes nothing on a full disk, the position neither, and goes on when there is room', async () => {
    await withStore(async ({ folder }) => {
      await using partition = openPartition(join(folder, 'logs-000001.db'), {
        created: () => ({ kind: 'logs', nowMs: 0, lastId: 0, marks: [] }),
      })
      const [pack] = packRecords('logs', { records: noise(500) })
      assert.ok(pack)
      const write = (first: number) =>
        partition.write({
          source: web,
          receivedAtMs: 1,
          pack,
          position: { of: 'n_web', epoch: 'epoch_a', first, count: 500 },
        })
      await write(0)
      // As SQLite sees a disk without room: no page more than there are.
      partition.database.exec('pragma max_page_count = 1')
      await assert.rejects(write(500), { message: 'nothing was changed: the disk is full' })
      partition.database.exec('pragma max_page_count = 1000000')
      assert.equal((await write(500)).pack?.count, 500)
      assert.equal((await write(500)).pack, undefined)
      assert.equal(partition.count(), 1_000)
      assert.equal(partition.database.prepare('pragma quick_check').get()?.quick_check, 'ok')
    })
  })

  it('leaves nothing of a file that could not begin', async () => {
    await withStore(async ({ store, folder, clock }) => {
      await store.append({ kind: 'logs', source: web, records: ['1'] })
      clock.nowMs += dayMs
      const next = join(folder, 'telemetry', 'logs-000002.db')
      await mkdir(next)
      await assert.rejects(store.append({ kind: 'logs', source: web, records: ['2'] }))
      await rmdir(next)
      await store.append({ kind: 'logs', source: web, records: ['2'] })
      assert.equal((await store.list({ node_id: 'n_web', kind: 'logs', limit: 9 })).length, 2)
    })
  })

  it('sets a damaged file aside, and goes on with the others', async () => {
    const warnings: string[] = []
    const log = { error: assert.fail, warn: (message: string) => void warnings.push(message) }
    await withStore(async ({ folder, clock }) => {
      const path = join(folder, 'other')
      {
        await using store = openSqliteTelemetry(path, { now: () => clock.nowMs })
        await store.append({ kind: 'logs', source: web, records: ['1', '2'] })
        clock.nowMs += dayMs
        await store.append({ kind: 'logs', source: web, records: ['3'] })
      }
      const damaged = join(path, 'logs-000001.db')
      const before = join(folder, 'before.db')
      for (const file of [damaged, before]) await writeFile(file, 'no database'.repeat(500))
      await using again = openSqliteTelemetry(path, { log, before })
      await again.append({ kind: 'logs', source: web, records: ['4'] })
      const found = await again.list({ node_id: 'n_web', kind: 'logs', limit: 9 })
      assert.deepEqual(
        found.map(({ id, record }) => [id, record]),
        [
          [3, '3'],
          [4, '4'],
        ],
      )
      assert.ok(existsSync(`${damaged}.damaged`))
      assert.deepEqual(warnings, Array(2).fill(setAsideMessage))
    })
  })

  it('goes on in another file when damage is met, and has of the first what can be read after the next start', async () => {
    const warnings: unknown[] = []
    await withStore(async ({ folder }) => {
      const path = join(folder, 'other')
      const first = join(path, 'logs-000001.db')
      const log = { error: assert.fail, warn: (text: string) => void warnings.push(text) }
      const batch = { kind: 'logs', source: web } as const
      const read = async (from: TelemetryStore) =>
        (await from.list({ node_id: 'n_web', kind: 'logs', limit: 999 })).length
      {
        await using store = openSqliteTelemetry(path)
        for (let n = 0; n < 10; n++) await store.append({ ...batch, records: noise(20) })
      }
      {
        await using store = openSqliteTelemetry(path, { log })
        await damageTable(first, 'packs')
        await store.append({ ...batch, records: ['"next"'] })
        assert.ok(existsSync(join(path, 'logs-000002.db')))
      }
      assert.ok(existsSync(`${first}.suspect`))
      await using again = openSqliteTelemetry(path, { log })
      assert.ok(existsSync(`${first}.damaged`))
      assert.ok((await read(again)) > 0)
    })
    assert.equal(warnings.length, 2)
  })

  it('forgets how far nodes have come that are gone, and what they held', async () => {
    await withStore(async ({ folder, clock }) => {
      const path = join(folder, 'other')
      const isNode = (id: string) => id === 'n_web'
      await using store = openSqliteTelemetry(path, { now: () => clock.nowMs, isNode })
      const send = (source: RecordSource, first: number) =>
        store.append({
          kind: 'logs',
          source,
          records: ['1'],
          position: { epoch: 'epoch_a', first, count: 1 },
        })
      for (let n = 0; n < 50; n++) await send({ ...web, node_id: `n_gone_${n}` }, 0)
      await send(web, 0)
      clock.nowMs += dayMs
      assert.deepEqual(await send(web, 0), { duplicates: 1 })
      const rows = (table: string) => {
        using database = new DatabaseSync(join(path, 'logs-000002.db'))
        return database.prepare(`select node_id from ${table}`).all().length
      }
      assert.equal(rows('marks'), 1)
      await send({ ...web, node_id: 'n_late' }, 0)
      assert.equal(rows('holdings'), 1)
      const limits = { maxBytes: 1e9, maxAuditBytes: 1e9, maxTenantBytes: 1e9 }
      await store.prune({ ...limits, beforeMs: clock.nowMs + 1 })
      assert.equal(rows('holdings'), 0)
      assert.deepEqual(
        await readdir(path).then((names) => names.filter((name) => name.endsWith('.db'))),
        ['logs-000002.db'],
      )
    })
  })

  it('takes over what an earlier version has stored, each record once', async () => {
    await withStore(async ({ folder, reopen }) => {
      const before = new DatabaseSync(join(folder, 'telemetry.db'))
      before.exec(`create table batches (
        last_id integer primary key autoincrement, count integer not null, tenant_id text not null, node_id text not null,
        kind text not null, received_at integer not null, records text not null);
        insert into batches values
          (2, 2, 'ten_a', 'n_web', 'logs', 5, '"a"' || char(30) || '"b"'), (3, 1, 'ten_a', 'n_web', 'drift', 5, '"d"'),
          (5, 2, 'ten_a', 'n_web', 'logs', 7, '"c"' || char(30) || '"d"');`)
      before.close()
      const store = await reopen()
      await store.append({ kind: 'logs', source: web, records: ['"new"'] })
      await until('all is taken over', () => !existsSync(join(folder, 'telemetry.db')))
      const found = await store.list({ node_id: 'n_web', kind: 'logs', limit: 9 })
      assert.deepEqual(found.map(({ record }) => record).sort(), [
        '"a"',
        '"b"',
        '"c"',
        '"d"',
        '"new"',
      ])
      assert.ok(found.every(({ id }) => id > 5))
      assert.equal((await store.list({ node_id: 'n_web', kind: 'drift', limit: 9 })).length, 1)
    })
  })
})

/** Its first page, from which all others are found. */
async function damageTable(path: string, table: string): Promise<void> {
  const database = new DatabaseSync(path)
  const row = database.prepare('select rootpage from sqlite_schema where name = ?').get(table)
  database.close()
  await using file = await open(path, 'r+')
  await file.write(Buffer.alloc(100, 0xee), 0, 100, (Number(row?.rootpage) - 1) * 4_096)
}

const setAsideMessage =
  'a database was damaged: it is set aside, and what can be read of it goes on'

const dayMs = 24 * 60 * 60_000

/** Records of some 400 bytes that no compression makes smaller. */
function noise(count: number): string[] {
  return Array.from({ length: count }, () => JSON.stringify(randomBytes(400).toString('base64')))
}

async function withStore(
  use: (parts: {
    store: TelemetryStore
    clock: { nowMs: number }
    folder: string
    reopen: () => Promise<TelemetryStore>
  }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-telemetry-'))
  const clock = { nowMs: 1_000_000 }
  const open = (): TelemetryStore =>
    openSqliteTelemetry(join(folder, 'telemetry'), {
      now: () => clock.nowMs,
      before: join(folder, 'telemetry.db'),
    })
  let store = open()
  try {
    await use({
      store,
      clock,
      folder,
      reopen: async () => {
        await store[Symbol.asyncDispose]()
        store = open()
        return store
      },
    })
  } finally {
    await store[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  }
}
