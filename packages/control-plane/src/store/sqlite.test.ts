import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { sql } from 'kysely'
import type { Store, Tx } from './db.ts'
import { openKysely, openSqliteStore } from './sqlite.ts'

describe('openSqliteStore', () => {
  it('puts units that wait at the same moment into one transaction', async () => {
    const groups: number[] = []
    await using opened = await openStore((size) => groups.push(size))
    const { store } = opened

    await Promise.all([put(store, 'a'), put(store, 'b'), put(store, 'c')])
    await put(store, 'd')

    assert.deepEqual(groups, [3, 1])
    assert.deepEqual(await names(store), ['a', 'b', 'c', 'd'])
  })

  it('undoes a unit that throws, and it alone', async () => {
    await using opened = await openStore()
    const { store } = opened

    const outcomes = await Promise.allSettled([
      put(store, 'a'),
      store.write(async (tx) => {
        await insert(tx, 'b')
        throw new Error('changed its mind')
      }),
      put(store, 'c'),
    ])

    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.deepEqual(await names(store), ['a', 'c'])
  })

  it('shows a unit what those before it in the group have written, and readers nothing of it', async () => {
    await using opened = await openStore()
    const { store } = opened
    const seen: string[][] = []

    const first = put(store, 'a')
    const second = store.write(async (tx) => {
      seen.push(await names({ reader: tx }), await names(store))
    })
    await Promise.all([first, second])

    assert.deepEqual(seen, [['a'], []])
  })

  it('calls hooks in the order of the units, before their promises resolve', async () => {
    await using opened = await openStore()
    const calls: string[] = []

    const write = (name: string): Promise<void> =>
      opened.store
        .write((tx) => insert(tx, name), { committed: () => calls.push(`${name} committed`) })
        .then(() => {
          calls.push(`${name} resolved`)
        })
    await Promise.all([write('a'), write('b')])

    assert.deepEqual(calls, ['a committed', 'b committed', 'a resolved', 'b resolved'])
  })

  it('keeps the database for its owner alone', async () => {
    await using opened = await openStore()
    await put(opened.store, 'a')
    for (const suffix of ['', '-wal'])
      assert.equal((await stat(`${opened.path}${suffix}`)).mode & 0o777, 0o600)
  })

  it('refuses a database of a newer program', async () => {
    await using opened = await openStore()
    await opened.store.write(async (tx) => {
      await sql`update schema_version set version = 99`.execute(tx)
      await sql`update settings set value = '9.9.0' where name = 'schema_by'`.execute(tx)
    })
    await assert.rejects(openSqliteStore(opened.path), (error: Error) => {
      assert.match(
        error.message,
        /^open database: plexd-control-plane 9\.9\.0 has brought it to schema 99, and this is \d+\.\d+\.\d+, which knows \d+: start the newer one, or go back to the backup from before the upgrade: plexd-control-plane restore FILE --data-dir DIR --force$/,
      )
      return true
    })
  })

  describe('on a full disk', () => {
    it('answers 503, undoes every unit of the group, reads on, and writes again once there is room', async () => {
      await using opened = await openStore()
      const { store, path } = opened
      await put(store, 'before')
      const undone: string[] = []
      await limitPages(store, 'tight')

      const outcomes = await Promise.allSettled(
        ['a', 'b', 'c'].map((name) =>
          store.write((tx) => insert(tx, name, 200_000), { undo: () => undone.push(name) }),
        ),
      )

      for (const outcome of outcomes) {
        const { reason } = outcome as PromiseRejectedResult // each of them is to fail
        assert.ok(reason instanceof ApiError)
        assert.equal(reason.status, 503)
        assert.equal(reason.message, 'nothing was changed: the disk is full')
        assert.equal(reason.retryAfterSeconds, 30)
      }
      assert.deepEqual(await names(store), ['before'])
      await limitPages(store, 'wide')
      await put(store, 'after')
      assert.deepEqual(await names(store), ['after', 'before'])
      await using second = openKysely<{ settings: { name: string } }>(path, { readOnly: true })
      assert.equal((await second.selectFrom('settings').select('name').execute()).length, 3)
    })
  })
})

async function limitPages(store: Store, room: 'tight' | 'wide'): Promise<void> {
  await store.write(async (tx) => {
    const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(tx)
    const pages = (rows[0]?.page_count ?? 0) + (room === 'tight' ? 2 : 1_000)
    await sql.raw(`pragma max_page_count = ${pages}`).execute(tx)
  })
}

async function openStore(onGroup?: (size: number) => void) {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-store-'))
  const path = join(folder, 'store.db')
  const store = await openSqliteStore(path, onGroup ? { onGroup } : {})
  return {
    store,
    path,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

function put(store: Store, name: string): Promise<void> {
  return store.write((tx) => insert(tx, name))
}

async function insert(tx: Tx, name: string, bytes = 1): Promise<void> {
  await tx
    .insertInto('settings')
    .values({ name, value: 'x'.repeat(bytes) })
    .execute()
}

async function names({ reader }: Pick<Store, 'reader'>): Promise<string[]> {
  const rows = await reader
    .selectFrom('settings')
    .select('name')
    .where('name', '!=', 'schema_by') // the program's own
    .orderBy('name')
    .execute()
  return rows.map(({ name }) => name)
}
