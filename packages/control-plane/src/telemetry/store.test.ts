import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type TelemetryPlaces, telemetryDialects } from '../testing/telemetry-stores.ts'
import type { RecordKind } from './packs/kinds.ts'
import { packRecords } from './packs/pack.ts'
import type { RecordSource, TelemetryStore } from './store.ts'

const web = { tenant_id: 'ten_a', node_id: 'n_web' }
const db = { tenant_id: 'ten_a', node_id: 'n_db' }
const dayMs = 24 * 60 * 60_000

for (const { name, skip, openPlaces } of telemetryDialects)
  describe(`a store of telemetry on ${name}`, { skip }, () => {
    let places: TelemetryPlaces
    before(async () => {
      places = await openPlaces()
    })
    after(() => places[Symbol.asyncDispose]())

    async function withStore(
      use: (parts: {
        store: TelemetryStore
        clock: { nowMs: number }
        reopen: () => Promise<TelemetryStore>
      }) => Promise<void>,
    ): Promise<void> {
      const place = await places.create()
      const clock = { nowMs: 1_000_000 }
      const open = () => places.open(place, () => clock.nowMs)
      let store = await open()
      try {
        await use({
          store,
          clock,
          reopen: async () => {
            await store[Symbol.asyncDispose]()
            store = await open()
            return store
          },
        })
      } finally {
        await store[Symbol.asyncDispose]()
      }
    }

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
        const send = async (
          to: TelemetryStore,
          first: number,
          count: number,
          epoch = 'epoch_a',
        ) => {
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
        const start = await store.cursorNow('logs')
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

    it('prunes by age, whole days at once', async () => {
      await withStore(async ({ store, clock }) => {
        const limits = { maxBytes: 1e9, maxAuditBytes: 1e9, maxTenantBytes: 1e9 }
        await store.append({ kind: 'logs', source: web, records: Array(100).fill('1') })
        clock.nowMs += dayMs
        await store.append({ kind: 'logs', source: web, records: Array(10).fill('2') })
        clock.nowMs += 1_000
        await store.append({ kind: 'logs', source: web, records: Array(9_000).fill('3') })
        assert.equal(await store.prune({ ...limits, beforeMs: clock.nowMs }), 110)
        assert.equal(await store.prune({ ...limits, beforeMs: clock.nowMs }), 0)
        const { records, removed } = await store.readAfter({ kind: 'logs', after: '10', limit: 1 })
        assert.deepEqual([records[0]?.id, removed], [111, 100])
      })
    })
  })

/** Records of some 400 bytes that no compression makes smaller. */
function noise(count: number): string[] {
  return Array.from({ length: count }, () => JSON.stringify(randomBytes(400).toString('base64')))
}
