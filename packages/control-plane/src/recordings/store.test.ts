import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { aSmallDisk, noPostgres, startPostgres } from '@plexd/runtime/testing'
import { type Databases, dialects } from '../testing/databases.ts'
import { isError } from '../testing/is-error.ts'
import { openPostgresRecordings } from './postgres-store.ts'
import { openSqliteRecordings } from './sqlite-store.ts'
import { excessOf, type RecordingStore } from './store.ts'

const maxBytes = 1_000

for (const { name, skip, openDatabases } of dialects)
  describe(`the store of recordings in ${name}`, { skip }, () => {
    let databases: Databases
    before(async () => {
      databases = await openDatabases()
    })
    after(() => databases[Symbol.asyncDispose]())

    it('keeps a chunk once, and tells the same from another', async () => {
      await using setup = await setUp(databases, name)
      assert.equal((await setup.put('a', 0, '\0one')).outcome, 'kept')
      assert.equal((await setup.put('a', 0, '\0one')).outcome, 'kept')
      assert.equal((await setup.put('a', 0, '\0two')).outcome, 'different')
      const [held] = await setup.store.holdings()
      assert.equal(held?.bytes, 4)
    })

    it('is complete when all are here, in whatever order they came', async () => {
      await using setup = await setUp(databases, name)
      const results = [
        await setup.put('a', 2, '\x01end'),
        await setup.put('a', 0, '\0one'),
        await setup.put('a', 1, '\0two'),
        await setup.put('a', 1, '\0two'),
      ]
      assert.deepEqual(
        results.map(({ isComplete }) => isComplete),
        [false, false, true, true],
      )
    })

    it('takes nothing behind the end, no second end, and no end before what is there', async () => {
      await using setup = await setUp(databases, name)
      await setup.put('a', 3, '\0three')
      assert.equal((await setup.put('a', 2, '\x01end')).outcome, 'beyond')
      assert.equal((await setup.put('a', 5, '\x01end')).outcome, 'kept')
      for (const index of [4, 6])
        assert.equal((await setup.put('a', index, '\x01end')).outcome, 'beyond')
      assert.equal((await setup.put('a', 6, '\0six')).outcome, 'beyond')
      const rest = [0, 1, 2, 4].map((index) => setup.put('a', index, '\0'))
      // Whichever of them is the last to be stored.
      assert.deepEqual(
        (await Promise.all(rest))
          .map(({ outcome, isComplete }) => `${outcome} ${isComplete}`)
          .sort(),
        ['kept false', 'kept false', 'kept false', 'kept true'],
      )
    })

    it('takes no more of a recording than it may have', async () => {
      await using setup = await setUp(databases, name)
      await setup.put('a', 0, 'x'.repeat(maxBytes))
      assert.equal((await setup.put('a', 1, 'x')).outcome, 'full')
      assert.equal((await setup.put('b', 0, 'x')).outcome, 'kept')
    })

    it('gives the chunks of a recording in their order, those of 100 that came at once too', async () => {
      await using setup = await setUp(databases, name)
      const order = Array.from({ length: 100 }, (_, at) => (at * 37) % 100)
      await Promise.all(order.map((index) => setup.put('a', index, `\0${index}`)))
      await setup.put('b', 0, '\0other')
      const found: string[] = []
      for (let from = 0; ; ) {
        const chunk = await setup.store.next('a', from)
        if (!chunk) break
        found.push(Buffer.from(chunk.bytes).toString())
        from = chunk.index + 1
      }
      assert.deepEqual(
        found,
        order.toSorted((a, b) => a - b).map((index) => `\0${index}`),
      )
    })

    it('removes whole recordings, and keeps the others over a restart', async () => {
      await using setup = await setUp(databases, name)
      for (let index = 0; index < 70; index++) await setup.put('a', index, '\0')
      await setup.put('b', 0, '\0')
      await setup.store.remove(['a'])
      await setup.restart()
      assert.equal(await setup.store.next('a', 0), undefined)
      assert.deepEqual(
        (await setup.store.holdings()).map(({ session_id }) => session_id),
        ['b'],
      )
    })

    it('removes one that is removed by two at once, and takes a chunk of it anew', async () => {
      await using setup = await setUp(databases, name)
      for (let index = 0; index < 70; index++) await setup.put('a', index, '\0')
      await Promise.all([setup.store.remove(['a']), setup.store.remove(['a'])])
      assert.deepEqual(await setup.store.holdings(), [])
      assert.deepEqual(await setup.put('a', 0, '\x01new'), { outcome: 'kept', isComplete: true })
      assert.equal((await setup.store.holdings())[0]?.bytes, 4)
    })
  })

describe('the store of recordings in PostgreSQL, of two control planes', {
  skip: noPostgres,
}, () => {
  it('gives one answer for each index to whoever sends chunks of one recording at once, and counts each once', async () => {
    await using server = await startPostgres()
    const url = server.createDatabase()
    const [one, two] = await Promise.all([openAt(url), openAt(url)])
    await using _both = { [Symbol.asyncDispose]: () => closeAll(one, two) }
    const count = 20
    const put = (store: RecordingStore, index: number, from: string) =>
      store.put({ ...aChunk(index), bytes: Buffer.from(`\0${from}`) }, { maxBytes })
    const outcomes = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const both = await Promise.all([put(one, index, 'one'), put(two, index, 'two')])
        return both.map(({ outcome }) => outcome).sort()
      }),
    )
    for (const outcome of outcomes) assert.deepEqual(outcome, ['different', 'kept'])
    const [held] = await one.holdings()
    assert.equal(held?.bytes, count * 4)
    const end = { ...aChunk(count), bytes: Buffer.from('\x01') }
    const ends = await Promise.all([one, two].map((store) => store.put(end, { maxBytes })))
    assert.deepEqual(ends, Array(2).fill({ outcome: 'kept', isComplete: true }))
  })

  it('takes no more of a recording than it may have, whichever of them is asked', async () => {
    await using server = await startPostgres()
    const url = server.createDatabase()
    const stores = await Promise.all([openAt(url), openAt(url)])
    await using _both = { [Symbol.asyncDispose]: () => closeAll(...stores) }
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        stores[index % 2]?.put({ ...aChunk(index), bytes: Buffer.alloc(300) }, { maxBytes }),
      ),
    )
    assert.equal(results.filter((result) => result?.outcome === 'kept').length, 3)
    assert.equal((await stores[0]?.holdings())?.[0]?.bytes, 900)
  })

  it('counts a chunk once, also where the answer was lost', async () => {
    await using server = await startPostgres()
    await using way = await server.cuttable(server.createDatabase())
    await using store = await openAt(way.url)
    for (const when of ['before', 'after'] as const) {
      way.cutNext(when)
      await assert.rejects(store.put(aChunk(0), { maxBytes }), { status: 503 })
      assert.equal((await store.holdings()).length, when === 'after' ? 1 : 0)
    }
    assert.equal((await store.put(aChunk(0), { maxBytes })).outcome, 'kept')
    assert.equal((await store.holdings())[0]?.bytes, 2)
  })

  it('says that the database is away, and takes the same chunk when it is back', async () => {
    await using server = await startPostgres()
    await using store = await openAt(server.createDatabase())
    await store.put(aChunk(0), { maxBytes })
    await server.end()
    await assert.rejects(store.put(aChunk(1), { maxBytes }), isError(503, /^nothing was changed/))
    await server.start()
    assert.equal((await store.put(aChunk(1), { maxBytes })).outcome, 'kept')
    assert.equal((await store.put(aChunk(0), { maxBytes })).outcome, 'kept')
  })
})

describe('the store of recordings on a small disk', () => {
  it('says that the disk is full, keeps what it has, and takes the same chunk when there is room', async (test) => {
    await using disk = await aSmallDisk()
    if (!disk) return test.skip('needs to mount')
    await using store = openSqliteRecordings(join(disk.path, 'recordings.db'))
    const chunk = (index: number) => ({
      ...{ session_id: 'a', node_id: 'n_1', index },
      bytes: Buffer.alloc(16 * 1024, `${index}`),
    })
    const put = (index: number) => store.put(chunk(index), { maxBytes: 1e9 })
    await put(0)
    await disk.fill()
    const results = await Promise.allSettled([1, 2, 3].map(put))
    for (const result of results)
      assert.ok(result.status === 'rejected' && isError(503, /the disk is full/)(result.reason))
    assert.deepEqual(Buffer.from((await store.next('a', 0))?.bytes ?? []), chunk(0).bytes)
    assert.equal(await store.next('a', 1), undefined)
    await disk.clear()
    assert.deepEqual(await put(1), { outcome: 'kept', isComplete: false })
    assert.equal((await store.holdings())[0]?.bytes, 32 * 1024)
  })
})

describe('excessOf', () => {
  const held = (session_id: string, node_id: string, bytes: number) => ({
    session_id,
    node_id,
    bytes,
    started_at: 0,
  })

  it('takes the oldest of the node that has most', () => {
    const holdings = [
      held('db 1', 'db', 30),
      held('web 1', 'web', 40),
      held('web 2', 'web', 40),
      held('web 3', 'web', 10),
    ]
    assert.deepEqual(excessOf(holdings, 120), [])
    assert.deepEqual(excessOf(holdings, 100), ['web 1'])
    assert.deepEqual(excessOf(holdings, 60), ['web 1', 'web 2'])
    assert.deepEqual(excessOf(holdings, 0), ['web 1', 'web 2', 'db 1', 'web 3'])
  })
})

const open: Readonly<Record<string, (place: string) => RecordingStore | Promise<RecordingStore>>> =
  {
    SQLite: openSqliteRecordings,
    PostgreSQL: openAt,
  }

function openAt(url: string): Promise<RecordingStore> {
  return openPostgresRecordings({ url })
}

function aChunk(index: number) {
  return { session_id: 'a', node_id: 'n_1', index, bytes: Buffer.from(`\0${index}`) }
}

async function closeAll(...stores: readonly AsyncDisposable[]): Promise<void> {
  for (const store of stores) await store[Symbol.asyncDispose]()
}

async function setUp(databases: Databases, dialect: string) {
  const place = await databases.create()
  const openAgain = async (): Promise<RecordingStore> => {
    const store = await open[dialect]?.(place)
    assert.ok(store)
    return store
  }
  let store = await openAgain()
  return {
    get store() {
      return store
    },
    put: (session_id: string, index: number, bytes: string) =>
      store.put({ session_id, node_id: 'n_1', index, bytes: Buffer.from(bytes) }, { maxBytes }),
    async restart() {
      await store[Symbol.asyncDispose]()
      store = await openAgain()
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}
