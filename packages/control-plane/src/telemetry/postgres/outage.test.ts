import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noPostgres, openForTests, startPostgres } from '@plexd/runtime/testing'
import { NothingChanged } from '../../store/nothing-changed.ts'
import type { TelemetryStore } from '../store.ts'
import { openPostgresTelemetry } from './postgres-store.ts'

const web = { tenant_id: 'ten_a', node_id: 'n_web' }

describe('openPostgresTelemetry', { skip: noPostgres }, () => {
  const server = openForTests(startPostgres)

  const send = (store: TelemetryStore, first: number) =>
    store.append({
      ...{ kind: 'logs', source: web, records: [`${first}`] },
      position: { epoch: 'epoch_a', first, count: 1 },
    })
  const stored = async (store: TelemetryStore) =>
    (await store.list({ ...web, kind: 'logs', limit: 99 })).map(({ id, record }) => [id, record])
  function heard(store: TelemetryStore): string[] {
    const told: string[] = []
    store.onAppend(({ firstId, records }) => told.push(`${firstId} ${records}`))
    return told
  }

  for (const when of ['after', 'before'] as const)
    it(`finds out what became of a commit when the connection is lost ${when} it`, async () => {
      await using way = await server.cuttable(server.createDatabase())
      await using store = await openPostgresTelemetry(way)
      const told = heard(store)
      await send(store, 0)
      way.cutNext(when)
      const second = send(store, 1)
      if (when === 'after') assert.deepEqual(await second, { duplicates: 0 })
      else await assert.rejects(second, (error) => error instanceof NothingChanged)
      assert.deepEqual(await send(store, 1), { duplicates: when === 'after' ? 1 : 0 })
      assert.deepEqual(told, ['1 0', '2 1'])
      assert.deepEqual(await stored(store), [
        [1, '0'],
        [2, '1'],
      ])
    })

  it('tells of what was stored also when that can be found out only later, before it tells of anything new', async () => {
    const url = server.createDatabase()
    await using way = await server.cuttable(url)
    await using store = await openPostgresTelemetry(way)
    const told = heard(store)
    const letIn = (isAllowed: boolean): void => {
      const elsewhere = new URL(url)
      elsewhere.pathname = '/postgres'
      const name = new URL(url).pathname.slice(1)
      server.psql(elsewhere.href, `alter database ${name} allow_connections ${isAllowed}`)
    }
    await send(store, 0)
    letIn(false)
    way.cutNext('after')
    await assert.rejects(send(store, 1), { message: /^it is not known whether this was stored/ })
    letIn(true)
    assert.deepEqual(await send(store, 1), { duplicates: 1 })
    await send(store, 2)
    assert.deepEqual(told, ['1 0', '2 1', '3 2'])
  })

  it('takes nothing while the database is away, and goes on', async () => {
    const url = server.createDatabase()
    await using store = await openPostgresTelemetry({ url })
    await send(store, 0)
    await server.end()
    await assert.rejects(send(store, 1), (error) => error instanceof NothingChanged)
    await assert.rejects(stored(store), (error) => error instanceof NothingChanged)
    await server.start()
    assert.deepEqual(await send(store, 1), { duplicates: 0 })
    assert.deepEqual(await stored(store), [
      [1, '0'],
      [2, '1'],
    ])
  })

  it('passes a damaged pack by, and says it once', async () => {
    const url = server.createDatabase()
    const warnings: unknown[] = []
    const log = { warn: (_: string, fields = {}) => void warnings.push(fields) }
    await using store = await openPostgresTelemetry({ url }, { log })
    for (let n = 0; n < 3; n++) await send(store, n)
    server.psql(
      url,
      'update telemetry_packs set body = set_byte(body, length(body) - 1, 255 - get_byte(body, length(body) - 1)) where last_id = 2',
    )
    const ids = (records: readonly { id: number }[]) => records.map(({ id }) => id)
    const query = { tenant_id: 'ten_a', kind: 'logs', order: 'oldest', limit: 9 } as const
    const found = await Array.fromAsync(store.search({ ...query, sinceMs: 0, untilMs: 9e15 }))
    assert.deepEqual(ids(found.flat()), [1, 3])
    assert.deepEqual(ids(await store.list({ ...web, kind: 'logs', limit: 9 })), [1, 3])
    const page = await store.readAfter({ kind: 'logs', limit: 9 })
    assert.deepEqual([ids(page.records), page.removed, page.cursor], [[1, 3], 1, '3'])
    const error = 'the records up to 2 cannot be read: their checksum is another'
    assert.deepEqual(warnings, [{ error }])
  })
})
