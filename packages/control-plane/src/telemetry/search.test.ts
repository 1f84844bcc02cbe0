import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type TelemetryPlaces, telemetryDialects } from '../testing/telemetry-stores.ts'
import type { FoundRecord, RecordSearch, TelemetryStore } from './store.ts'

const web = { tenant_id: 'ten_a', node_id: 'n_web' }
const db = { tenant_id: 'ten_a', node_id: 'n_db' }
const other = { tenant_id: 'ten_b', node_id: 'n_other' }

const startMs = Date.UTC(2025, 0, 15)
const log = (second: number, message: string, more: { unit?: string; severity?: string } = {}) =>
  JSON.stringify({ timestamp: new Date(startMs + second * 1_000).toISOString(), message, ...more })

for (const { name, skip, openPlaces } of telemetryDialects)
  describe(`a search on ${name}`, { skip }, () => {
    let places: TelemetryPlaces
    before(async () => {
      places = await openPlaces()
    })
    after(() => places[Symbol.asyncDispose]())
    async function withStore(use: (store: TelemetryStore) => Promise<void>): Promise<void> {
      await using store = await places.open(await places.create(), () => startMs + 2e9)
      await use(store)
    }

    it('finds by time, node, unit, severity and words, in the order of timestamps', async () => {
      await withStore(async (store) => {
        await store.append({
          kind: 'logs',
          source: web,
          records: [
            log(1, 'Connection from 10.0.0.1', { unit: 'sshd', severity: 'info' }),
            log(5, 'connection RESET "by" peer', { unit: 'nginx', severity: 'error' }),
            log(3, 'Ärger mit Öl', { unit: 'nginx', severity: 'warn' }),
          ],
        })
        await store.append({
          kind: 'logs',
          source: db,
          records: [log(2, 'checkpoint'), log(4, 'x')],
        })
        await store.append({ kind: 'logs', source: other, records: [log(2, 'connection')] })
        const seconds = async (query: Partial<RecordSearch> = {}): Promise<number[]> =>
          (await found(store, query)).map(({ at }) => (at - startMs) / 1_000)

        assert.deepEqual(await seconds(), [1, 2, 3, 4, 5])
        assert.deepEqual(await seconds({ order: 'newest', limit: 3 }), [5, 4, 3])
        assert.deepEqual(await seconds({ node_ids: ['n_db'] }), [2, 4])
        assert.deepEqual(
          await seconds({ sinceMs: startMs + 2_000, untilMs: startMs + 4_000 }),
          [2, 3, 4],
        )
        assert.deepEqual(await seconds({ units: ['nginx', 'sshd'] }), [1, 3, 5])
        assert.deepEqual(await seconds({ severities: ['error'] }), [5])
        assert.deepEqual(await seconds({ grep: 'CONNECTION' }), [1, 5])
        assert.deepEqual(await seconds({ grep: 'reset "BY"' }), [5])
        assert.deepEqual(await seconds({ grep: 'ärger MIT öl' }), [3])
        assert.deepEqual(await seconds({ grep: 'message' }), [])
        assert.deepEqual(await seconds({ tenant_id: 'ten_c' }), [])
      })
    })

    it('finds the fields of logs as they are shown, and as they are', async () => {
      await withStore(async (store) => {
        const fields = { peer_id: 'n_db', why: 'no "route" there', count: 3, of: { a: [1] } }
        const record = JSON.stringify({
          timestamp: new Date(startMs).toISOString(),
          message: 'peer lost',
          fields,
        })
        await store.append({ kind: 'logs', source: web, records: [log(1, 'other'), record] })
        const count = async (grep: string) => (await found(store, { grep })).length
        for (const grep of ['PEER_ID=n_db', 'n_db', 'lost peer_id', 'no "route" there', 'count=3'])
          assert.equal(await count(grep), 1, grep)
        assert.equal(await count('of={"a":[1]}'), 1)
        assert.equal(await count('timestamp'), 0)
        assert.equal(await count('count=4'), 0)
      })
    })

    it('finds what came together with a record of no time that is known', async () => {
      await withStore(async (store) => {
        const leapSecond = JSON.stringify({ timestamp: '2016-12-31T23:59:60Z', message: 'leap' })
        await store.append({ kind: 'logs', source: web, records: [log(1, 'a'), leapSecond] })
        const [first] = await found(store, { untilMs: startMs + 1_000 })
        assert.match(first?.record ?? '', /"a"/)
        assert.equal(
          (await found(store, { grep: 'leap', untilMs: Number.MAX_SAFE_INTEGER })).length,
          1,
        )
      })
    })

    it('goes on behind the last record of a page, be there many of one time', async () => {
      await withStore(async (store) => {
        const records = Array.from({ length: 50 }, (_, n) => log(Math.floor(n / 20), `${n}`))
        for (let at = 0; at < records.length; at += 7)
          await store.append({ kind: 'logs', source: web, records: records.slice(at, at + 7) })
        for (const order of ['oldest', 'newest'] as const) {
          const messages: number[] = []
          for (let after: FoundRecord | undefined; ; ) {
            const page = await found(store, { order, limit: 9, after })
            messages.push(...page.map(({ record }) => Number(JSON.parse(record).message)))
            after = page.at(-1)
            if (!after) break
          }
          const all = [...records.keys()]
          assert.deepEqual(messages, order === 'oldest' ? all : all.reverse())
        }
      })
    })

    it('finds the first in either order among many packs of several nodes', async () => {
      await withStore(async (store) => {
        const seconds = Array.from({ length: 300 }, (_, n) => (n * 7_919) % 300)
        await Promise.all(
          seconds.map((second) =>
            store.append({
              kind: 'logs',
              source: second % 2 === 0 ? web : db,
              records: [log(second, `of ${second % 10}`)],
            }),
          ),
        )
        const at = async (query: Partial<RecordSearch>) =>
          (await found(store, query)).map((record) => (record.at - startMs) / 1_000)
        const ascending = seconds.toSorted((a, b) => a - b)
        assert.deepEqual(await at({ limit: 40 }), ascending.slice(0, 40))
        assert.deepEqual(
          await at({ limit: 40, order: 'newest' }),
          ascending.toReversed().slice(0, 40),
        )
        assert.deepEqual(
          await at({ node_ids: ['n_web'], grep: 'OF 4', order: 'newest' }),
          ascending.filter((second) => second % 10 === 4).toReversed(),
        )
      })
    })

    it('ends with its signal', async () => {
      await withStore(async (store) => {
        await store.append({ kind: 'logs', source: web, records: [log(1, 'm')] })
        await assert.rejects(found(store, { signal: AbortSignal.abort(new Error('gone')) }), {
          message: 'gone',
        })
      })
    })
  })

async function found(
  store: TelemetryStore,
  query: Partial<RecordSearch> = {},
): Promise<readonly FoundRecord[]> {
  const everything = { tenant_id: 'ten_a', kind: 'logs', order: 'oldest', limit: 100 } as const
  const times = { sinceMs: 0, untilMs: startMs + 1e9 }
  return (await Array.fromAsync(store.search({ ...everything, ...times, ...query }))).flat()
}
