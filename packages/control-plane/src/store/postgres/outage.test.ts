import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { noPostgres, openForTests, startPostgres, until } from '@plexd/runtime/testing'
import { sql } from 'kysely'
import type { Tx } from '../db.ts'
import { NothingChanged } from '../nothing-changed.ts'
import { insert, names, put } from '../testing/settings.ts'
import { DuplicateRow } from './errors.ts'
import { openPostgresStore } from './postgres.ts'

describe('openPostgresStore', { skip: noPostgres }, () => {
  const server = openForTests(startPostgres)

  it('says that nothing was changed when the connection is lost before the commit, and writes on', async () => {
    const url = server.createDatabase()
    await using store = await openPostgresStore({ url })
    const undone: string[] = []

    const lost = store.write(
      async (tx) => {
        await insert(tx, 'a')
        const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx)
        server.psql(url, `select pg_terminate_backend(${rows[0]?.pid})`)
      },
      { undo: () => undone.push('a') },
    )

    await assert.rejects(lost, (error) => error instanceof NothingChanged)
    await put(store, 'b')
    assert.deepEqual(await names(store), ['b'])
  })

  const refusals: readonly [string, (tx: Tx) => Promise<void>][] = [
    ['a refusal', () => Promise.reject(new ApiError('not_found', 'there is no such entry'))],
    ['a key that is taken', (tx) => insert(tx, 'taken')],
    ['a fault', () => Promise.reject(new TypeError('it is no function'))],
  ]
  for (const [what, refuse] of refusals)
    it(`tells nobody of ${what} of another unit when the connection is lost meanwhile`, async () => {
      const url = server.createDatabase()
      await using store = await openPostgresStore({ url })
      await put(store, 'taken')
      const isLost = (error: unknown) => error instanceof NothingChanged
      const undone: string[] = []

      const written = store.write((tx) => insert(tx, 'a'), { undo: () => undone.push('a') })
      const refused = store.write(async (tx) => {
        const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx)
        const refusal = await refuse(tx)
          .then(() => sql`select 1`.execute(tx))
          .catch((error: unknown) => error)
        server.psql(url, `select pg_terminate_backend(${rows[0]?.pid})`)
        throw refusal
      })

      await Promise.all([assert.rejects(written, isLost), assert.rejects(refused, isLost)])
      assert.deepEqual(undone, ['a'])
      assert.deepEqual(await names(store), ['taken'])
    })

  for (const [when, outcome] of [
    [
      'after',
      'finds out that a commit has happened whose answer was lost, and answers what it did',
    ],
    ['before', 'finds out that a commit has not happened, and undoes it'],
  ] as const)
    it(outcome, async () => {
      await using way = await server.cuttable(server.createDatabase())
      await using store = await openPostgresStore(way)
      const told: string[] = []
      way.cutNext(when)

      const written = store.write((tx) => insert(tx, 'a'), {
        committed: () => told.push('committed'),
        undo: () => told.push('undone'),
      })

      if (when === 'after') await written
      else await assert.rejects(written, (error) => error instanceof NothingChanged)
      await put(store, 'b')
      assert.deepEqual(await names(store), when === 'after' ? ['a', 'b'] : ['b'])
      assert.deepEqual(told, [when === 'after' ? 'committed' : 'undone'])
    })

  it('answers what a commit did whose answer was lost, also when another has taken over since', async () => {
    const url = server.createDatabase()
    await using way = await server.cuttable(url)
    await using store = await openPostgresStore(way)
    way.cutNext('after')
    const written = put(store, 'a')
    const isThere = "select 1 from settings where name = 'a'"
    await until('it is committed', () => server.psql(url, isThere) !== '')
    await using other = await openPostgresStore({ url })

    await written
    await assert.rejects(put(store, 'b'), /another control plane serves from the database since/)
    assert.deepEqual(await names(other), ['a'])
  })

  it('answers nothing before a standby has it that has to, also when the answer of the commit was lost', async () => {
    const url = server.createDatabase()
    await using store = await openPostgresStore({ url })
    const wait = (names: string): void => {
      server.psql(url, `alter system set synchronous_standby_names = '${names}'`)
      server.psql(url, 'select pg_reload_conf()')
    }
    const waiting = "select pid from pg_stat_activity where wait_event = 'SyncRep'"
    wait('nobody')
    let isAnswered = false
    const written = put(store, 'a').finally(() => {
      isAnswered = true
    })
    const first = await until('the commit waits', () => server.psql(url, waiting).trim())
    server.psql(url, `select pg_terminate_backend(${first})`)
    await until(
      'its look-up waits too',
      () => !['', first].includes(server.psql(url, waiting).trim()),
    )
    assert.equal(isAnswered, false)
    wait('')
    await written
  })

  it('writes no more once another has opened the database', async () => {
    const url = server.createDatabase()
    await using first = await openPostgresStore({ url })
    await put(first, 'a')
    await using second = await openPostgresStore({ url })
    await put(second, 'b')

    await assert.rejects(put(first, 'c'), /another control plane serves from the database since/)
    assert.deepEqual(await names(second), ['a', 'b'])
  })

  it('migrates once when several open a new database at once', async () => {
    const url = server.createDatabase()
    const opened = await Promise.all([1, 2, 3].map(() => openPostgresStore({ url })))
    for (const store of opened) await store[Symbol.asyncDispose]()
    assert.equal(server.psql(url, 'select count(*) from schema_version').trim(), '1')
  })

  it('lets others write when a holder of the lock says nothing more', async () => {
    const url = server.createDatabase()
    await using store = await openPostgresStore({ url }, { lockWaitMs: 20_000 })
    const [holds, silent] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const held = store.write(async (tx) => {
      await insert(tx, 'a')
      holds.resolve()
      await silent.promise
    })
    await holds.promise
    await using other = await openPostgresStore({ url }, { lockWaitMs: 20_000 })

    await put(other, 'b')
    silent.resolve()

    await assert.rejects(held, (error) => error instanceof NothingChanged)
    assert.deepEqual(await names(other), ['b'])
  })

  it('calls a key that is taken by its name', async () => {
    await using store = await openPostgresStore({ url: server.createDatabase() })
    await put(store, 'a')
    await assert.rejects(
      put(store, 'a'),
      (error) => error instanceof DuplicateRow && /"settings_pkey" is taken/.test(error.message),
    )
  })

  it('writes no more when the database has lost what it had acknowledged', async () => {
    const url = server.createDatabase()
    const lost: string[] = []
    await using store = await openPostgresStore(
      { url },
      { onLost: ({ message }) => lost.push(message) },
    )
    await put(store, 'a')
    // As on a standby that had not got the last transaction.
    server.psql(
      url,
      "delete from settings where name = 'a'; update store_writers set commits = commits - 1",
    )

    await assert.rejects(put(store, 'b'), /has gone back to what it was before the last writes/)
    assert.match(lost.join(), /^the database has gone back/)
    assert.deepEqual(await names(store), [])
  })
})
