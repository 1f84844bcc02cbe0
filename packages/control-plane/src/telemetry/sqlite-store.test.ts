import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { until } from '@plexd/runtime/testing'
import type { RecordKind } from './packs/kinds.ts'
import { packRecords } from './packs/pack.ts'
import { openPartition } from './partition.ts'
import { openSqliteTelemetry } from './sqlite-store.ts'
import type { RecordSource, TelemetryStore } from './store.ts'

const web = { tenant_id: 'ten_a', node_id: 'n_web' }
const db = { tenant_id: 'ten_a', node_id: 'n_db' }

describe('openSqliteTelemetry', () => {
  it('lists what a node sent of one kind, in the order of arrival', async () => {
    await withStore(async ({ store }) => {
      await store.append({ kind: 'logs', source: web, records: ['{"n":1}', '{"n":2}'] })
      await store.append({ kind: 'metrics', source: web, records: ['{"n":3}'] })
      await store.append({ kind: 'logs', source: db, records: ['{"n":4}'] })
      await store.append({ kind: 'logs', source: web, records: ['{"n":5}'] })
      const list = (query: { after?: number; limit: number }) =>
        store.list({ node_id: 'n_web', kind: 'logs', ...query })
      const first = await list({ limit: 2 })
      assert.deepEqual(
        first.map(({ record }) => record),
        ['{"n":1}', '{"n":2}'],
      )
      const rest = await list({ limit: 10, after: first[1]?.id ?? 0 })
      assert.deepEqual(
        rest.map(({ record }) => record),
        ['{"n":5}'],
      )
    })
  })

  it('pages through a batch, and gives no id twice when all before it is gone', async () => {
    await withStore(async ({ store, clock, reopen }) => {
      await store.append({ kind: 'logs', source: web, records: ['"a"', '"b"', '"c"'] })
      await store.append({ kind: 'logs', source: db, records: ['"x"'] })
      await store.append({ kind: 'logs', source: web, records: ['"d"', '"e"'] })
      const pageBehind = async (from: TelemetryStore, after: number) =>
        (await from.list({ node_id: 'n_web', kind: 'logs', after, limit: 1 })).map((row) => [
          row.id,
          row.record,
        ])
      const pages: unknown[] = []
      for (let after = 0; after < 6; after++) pages.push(...(await pageBehind(store, after)))
      assert.deepEqual(pages, [
        [1, '"a"'],
        [2, '"b"'],
        [3, '"c"'],
        [5, '"d"'],
        [5, '"d"'],
        [6, '"e"'],
      ])
      assert.equal(
        await store.prune({
          beforeMs: clock.nowMs + 1,
          maxBytes: 1e9,
          maxAuditBytes: 1e9,
          maxTenantBytes: 1e9,
        }),
        6,
      )
      const again = await reopen()
      await again.append({ kind: 'logs', source: web, records: ['"f"'] })
      assert.deepEqual(await pageBehind(again, 6), [[7, '"f"']])
    })
  })

  it('lists from a time on', async () => {
    await withStore(async ({ store, clock }) => {
      await store.append({ kind: 'logs', source: web, records: ['{"n":1}'] })
      clock.nowMs += 1_000
      await store.append({ kind: 'logs', source: web, records: ['{"n":2}'] })
      const found = await store.list({
        node_id: 'n_web',
        kind: 'logs',
        sinceMs: clock.nowMs,
        limit: 9,
      })
      assert.deepEqual(
        found.map(({ record, received_at }) => [record, received_at]),
        [['{"n":2}', clock.nowMs]],
      )
    })
  })

  it('keeps what it acknowledged when it is opened again', async () => {
    await withStore(async ({ store, reopen }) => {
      const records = Array.from({ length: 5_000 }, (_, n) => `{"n":${n}}`)
      await Promise.all([
        store.append({ kind: 'logs', source: web, records }),
        store.append({ kind: 'audit', source: db, records: ['{}'] }),
      ])
      const again = await reopen()
      const found = await again.list({ node_id: 'n_web', kind: 'logs', limit: 10_000 })
      assert.deepEqual(
        found.map(({ record }) => record),
        records,
      )
    })
  })

  it('stores what has a position once, however often and in whatever parts it comes', async () => {
    await withStore(async ({ store, reopen }) => {
      const send = async (to: TelemetryStore, first: number, count: number, epoch = 'epoch_a') => {
        const records = Array.from({ length: count }, (_, n) => `${first + n}`)
        const position = { epoch, first, count }
        return (await to.append({ kind: 'logs', source: web, records, position })).duplicates
      }
      assert.equal(await send(store, 0, 4_500), 0)
      assert.equal(await send(store, 0, 4_500), 4_500)
      assert.equal(await send(store, 4_400, 200), 100)
      const again = await reopen()
      assert.equal(await send(again, 4_599, 2), 1)
      // A hole is what the node had to drop.
      assert.equal(await send(again, 5_000, 1), 0)
      assert.equal(await send(again, 4_700, 1), 1)
      const found = await again.list({ node_id: 'n_web', kind: 'logs', limit: 10_000 })
      const expected = [...Array(4_601).keys(), 5_000]
      assert.deepEqual(
        found.map(({ record }) => Number(record)),
        expected,
      )
      assert.equal(await send(again, 0, 2, 'epoch_b'), 0)
    })
  })

  it('knows the positions of records of which others were refused', async () => {
    await withStore(async ({ store }) => {
      const send = (records: string[], places: number[], count: number) => {
        const packs = packRecords('logs', { records, batch: { count, places } })
        const position = { epoch: 'epoch_a', first: 0, count }
        return store.append({ kind: 'logs', source: web, packs, position })
      }
      await send(['1'], [1], 3)
      assert.deepEqual(await send(['1', '3', '4'], [1, 3, 4], 6), { duplicates: 1 })
      assert.deepEqual(await send(['1', '3', '4'], [1, 3, 4], 6), { duplicates: 3 })
      const found = await store.list({ node_id: 'n_web', kind: 'logs', limit: 9 })
      assert.deepEqual(
        found.map(({ record }) => record),
        ['1', '3', '4'],
      )
    })
  })

  it('tells of what is new, and pages through what came from all', async () => {
    await withStore(async ({ store }) => {
      const told: string[] = []
      const end = store.onAppend(({ kind, source, records, firstId }) =>
        told.push(`${kind} ${source.node_id} ${firstId} ${records}`),
      )
      const position = { epoch: 'epoch_a', first: 0, count: 2 }
      const start = store.cursorNow('logs')
      for (let n = 0; n < 2; n++)
        await store.append({ kind: 'logs', source: web, records: ['"a"', '"b"'], position })
      await store.append({ kind: 'metrics', source: web, records: ['"m"'] })
      end()
      await store.append({
        kind: 'logs',
        source: { tenant_id: 'ten_b', node_id: 'n_b' },
        records: ['"c"'],
      })
      assert.deepEqual(told, ['logs n_web 1 "a","b"', 'metrics n_web 1 "m"'])
      const pages: unknown[] = []
      for (let after = start; ; ) {
        const { records, cursor } = await store.readAfter({ kind: 'logs', after, limit: 2 })
        pages.push(records.map(({ tenant_id, record }) => `${tenant_id} ${record}`))
        after = cursor
        if (records.length === 0) break
      }
      assert.deepEqual(pages, [['ten_a "a"', 'ten_a "b"'], ['ten_b "c"'], []])
      const read = async (after: string, maxBytes?: number) => {
        const page = await store.readAfter({ kind: 'logs', after, limit: 9, maxBytes })
        return [page.records.length, page.removed, page.cursor]
      }
      assert.deepEqual(await read(start, 1), [1, 0, '1'])
      // As of a store that was there before.
      assert.deepEqual(await read('1000'), [3, 0, '3'])
    })
  })

  it('goes on with ids, positions and pages when another day begins', async () => {
    await withStore(async ({ store, clock, reopen }) => {
      const send = (to: TelemetryStore, first: number) =>
        to.append({
          kind: 'logs',
          source: web,
          records: [`${first}`, `${first + 1}`],
          position: { epoch: 'epoch_a', first, count: 2 },
        })
      await send(store, 0)
      clock.nowMs += dayMs
      await send(store, 2)
      assert.deepEqual(await send(store, 1), { duplicates: 2 })
      // The clock is set back.
      clock.nowMs -= dayMs
      await send(store, 4)
      const again = await reopen()
      assert.deepEqual(await send(again, 4), { duplicates: 2 })
      const { records } = await again.readAfter({ kind: 'logs', after: '1', limit: 9 })
      assert.deepEqual(
        records.map(({ id, record }) => [id, record]),
        [2, 3, 4, 5, 6].map((id) => [id, `${id - 1}`]),
      )
    })
  })

  it('begins another day between batches that come at the same moment', async () => {
    await withStore(async ({ store, clock }) => {
      const records = noise(3_000)
      const batch = { kind: 'logs', source: web, records } as const
      const position = { epoch: 'epoch_a', first: 0, count: 3_000 }
      const first = store.append({ ...batch, position })
      clock.nowMs += dayMs
      const second = store.append({ ...batch, source: db })
      await Promise.all([first, second])
      assert.deepEqual(await store.append({ ...batch, position }), { duplicates: 3_000 })
      const { records: all } = await store.readAfter({ kind: 'logs', limit: 9_999 })
      assert.deepEqual(
        all.map(({ id }) => id),
        Array.from({ length: 6_000 }, (_, index) => index + 1),
      )
    })
  })

  it('prunes by age, whole days at once', async () => {
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

  it('prunes the oldest by size, of all and of each tenant', async () => {
    await withStore(async ({ store }) => {
      const other = { tenant_id: 'ten_b', node_id: 'n_other' }
      await store.append({ kind: 'logs', source: web, records: ['"first"', ...noise(6_000)] })
      await store.append({ kind: 'logs', source: other, records: noise(100) })
      const left = async ({ node_id }: RecordSource) =>
        (await store.list({ node_id, kind: 'logs', limit: 100_000 })).length
      const limits = { beforeMs: 0, maxAuditBytes: 0, maxTenantBytes: 1e9 }
      const ofTenant = await store.prune({ ...limits, maxBytes: 1e9, maxTenantBytes: 2.3e6 })
      const ofAll = await store.prune({ ...limits, maxBytes: 1.5e6 })
      assert.ok(ofTenant > 500 && ofAll > 500, `${ofTenant} and ${ofAll} went`)
      assert.deepEqual([await left(web), await left(other)], [6_001 - ofTenant - ofAll, 100])
      const [oldest] = await store.list({ node_id: 'n_web', kind: 'logs', limit: 1 })
      assert.notEqual(oldest?.record, '"first"')
      assert.equal(await store.prune({ ...limits, maxBytes: 1.5e6 }), 0)
    })
  })

  it('lets the oldest go of that node and kind of which there is most, audit apart', async () => {
    await withStore(async ({ store, reopen }) => {
      await store.append({ kind: 'audit', source: web, records: ['"a"'] })
      await store.append({ kind: 'logs', source: web, records: ['"b"'] })
      await store.append({ kind: 'audit', source: db, records: ['"c"'] })
      const many = noise(300)
      for (const record of many)
        await store.append({ kind: 'drift', source: db, records: [record] })
      const held = async (kind: RecordKind, { node_id }: RecordSource) =>
        (await again.list({ kind, node_id, limit: 9_999 })).map(({ record }) => record)

      const again = await reopen()
      await again.prune({
        beforeMs: 0,
        maxBytes: 100_000,
        maxAuditBytes: 5_000,
        maxTenantBytes: 1e9,
      })

      assert.deepEqual(
        [await held('audit', web), await held('logs', web), await held('audit', db)],
        [['"a"'], ['"b"'], ['"c"']],
      )
      const drift = await held('drift', db)
      assert.deepEqual(drift, many.slice(-drift.length))
      assert.ok(drift.length > 60 && drift.length < 200, `${drift.length} are left`)
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
