import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ApiError } from '@plexd/protocol'
import { sql } from 'kysely'
import type { Store } from './db.ts'
import { openKysely, openSqliteStore } from './sqlite.ts'
import { insert, names, put } from './testing/settings.ts'

describe('openSqliteStore', () => {
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

async function openStore() {
  const folder = await mkdtemp(join(tmpdir(), 'plexd-store-'))
  const path = join(folder, 'store.db')
  const store = await openSqliteStore(path)
  return {
    store,
    path,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}
