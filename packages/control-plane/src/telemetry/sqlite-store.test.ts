import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { openSqliteTelemetry } from './sqlite-store.ts'
import type { RecordKind, RecordSource, TelemetryStore } from './store.ts'

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
        await store.prune({ beforeMs: clock.nowMs + 1, maxBytes: 1e9, maxAuditBytes: 1e9 }),
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
      const batch = {
        kind: 'logs',
        source: web,
        records: ['1', '3', '4'],
        places: [1, 3, 4],
      } as const
      const position = { epoch: 'epoch_a', first: 0, count: 6 }
      await store.append({
        ...batch,
        records: ['1'],
        places: [1],
        position: { ...position, count: 3 },
      })
      assert.deepEqual(await store.append({ ...batch, position }), { duplicates: 1 })
      assert.deepEqual(await store.append({ ...batch, position }), { duplicates: 3 })
    })
  })

  it('tells of what is new, and pages through what came from all', async () => {
    await withStore(async ({ store }) => {
      const told: string[] = []
      const end = store.onAppend(({ kind, source, records, firstId }) =>
        told.push(`${kind} ${source.node_id} ${firstId} ${records}`),
      )
      const position = { epoch: 'epoch_a', first: 0, count: 2 }
      const start = store.cursorNow()
      for (let n = 0; n < 2; n++)
        await store.append({ kind: 'logs', source: web, records: ['"a"', '"b"'], position })
      await store.append({ kind: 'metrics', source: web, records: ['"m"'] })
      end()
      await store.append({
        kind: 'logs',
        source: { tenant_id: 'ten_b', node_id: 'n_b' },
        records: ['"c"'],
      })
      assert.deepEqual(told, ['logs n_web 1 "a","b"', 'metrics n_web 3 "m"'])
      const pages: unknown[] = []
      for (let after = start; ; ) {
        const { records, cursor } = await store.readAfter({ kind: 'logs', after, limit: 2 })
        pages.push(records.map(({ tenant_id, record }) => `${tenant_id} ${record}`))
        after = cursor
        if (records.length === 0) break
      }
      assert.deepEqual(pages, [['ten_a "a"', 'ten_a "b"'], ['ten_b "c"'], []])
    })
  })

  it('prunes by age, then the oldest by size', async () => {
    await withStore(async ({ store, clock }) => {
      const big = JSON.stringify({ text: 'x'.repeat(1_000) })
      const count = async (): Promise<number> =>
        (await store.list({ node_id: 'n_web', kind: 'logs', limit: 100_000 })).length
      await store.append({ kind: 'logs', source: web, records: Array(100).fill(big) })
      clock.nowMs += 1_000
      await store.append({ kind: 'logs', source: web, records: Array(9_000).fill(big) })
      assert.equal(
        await store.prune({ beforeMs: clock.nowMs, maxBytes: 1e9, maxAuditBytes: 1e9 }),
        100,
      )
      assert.equal(await store.prune({ beforeMs: 0, maxBytes: 5e6, maxAuditBytes: 0 }), 6_000)
      assert.equal(await count(), 3_000)
      assert.equal(await store.prune({ beforeMs: 0, maxBytes: 5e6, maxAuditBytes: 0 }), 0)
    })
  })

  it('lets the oldest go of that node and kind of which there is most, audit apart', async () => {
    await withStore(async ({ store, reopen }) => {
      const big = (n: number) => JSON.stringify({ n, text: 'x'.repeat(1_000) })
      await store.append({ kind: 'audit', source: web, records: [big(0)] })
      await store.append({ kind: 'logs', source: web, records: [big(1)] })
      await store.append({ kind: 'audit', source: db, records: [big(2)] })
      for (let n = 0; n < 1_150; n++)
        await store.append({ kind: 'drift', source: db, records: [big(n)] })
      const held = async (kind: RecordKind, { node_id }: RecordSource) =>
        (await again.list({ kind, node_id, limit: 9_999 })).map(
          ({ record }) => JSON.parse(record).n,
        )

      const again = await reopen()
      await again.prune({ beforeMs: 0, maxBytes: 100_000, maxAuditBytes: 5_000 })

      assert.deepEqual(
        [await held('audit', web), await held('logs', web), await held('audit', db)],
        [[0], [1], [2]],
      )
      const drift = await held('drift', db)
      assert.equal(drift.at(-1), 1_149)
      assert.ok(drift.length > 60 && drift.length < 100, `${drift.length} are left`)
    })
  })
})

async function withStore(
  use: (parts: {
    store: TelemetryStore
    clock: { nowMs: number }
    reopen: () => Promise<TelemetryStore>
  }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-telemetry-'))
  const clock = { nowMs: 1_000_000 }
  const open = (): TelemetryStore =>
    openSqliteTelemetry(join(folder, 'telemetry.db'), { now: () => clock.nowMs })
  let store = open()
  try {
    await use({
      store,
      clock,
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
