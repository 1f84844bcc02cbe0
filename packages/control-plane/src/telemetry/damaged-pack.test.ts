import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { damagedIn } from '../store/side/set-aside.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { openSqliteTelemetry } from './sqlite-store.ts'

const source = { tenant_id: 'ten_a', node_id: 'n_web' }
const ways = {
  list: (store: Store) => store.list({ ...source, kind: 'logs', limit: 100 }),
  forward: async (store: Store) => (await store.readAfter({ kind: 'logs', limit: 100 })).records,
  search: (store: Store) =>
    Array.fromAsync(
      store.search({
        ...{ kind: 'logs', tenant_id: 'ten_a', sinceMs: 0, untilMs: 9e15, order: 'oldest' },
        ...{ limit: 100, signal: new AbortController().signal },
      }),
    ).then((pages) => pages.flat()),
}
type Store = ReturnType<typeof openSqliteTelemetry>

describe('records of a sound file of which a checksum is another', () => {
  for (const [way, read] of Object.entries(ways))
    it(`are said once when a ${way} meets them, shown, and set aside at the next start`, async () => {
      await using folder = await makeTemporaryFolder()
      const dir = join(folder.path, 'telemetry')
      const path = join(dir, 'logs-000001.db')
      const warnings: Record<string, unknown>[] = []
      const log = {
        warn: (message: string, fields = {}) => void warnings.push({ message, ...fields }),
        error: assert.fail,
      }
      const idsFrom = async (store: Store): Promise<number[]> =>
        (await read(store)).map(({ id }) => id)
      {
        await using store = openSqliteTelemetry(dir, { log })
        for (const message of ['one', 'two', 'three'])
          await store.append({ kind: 'logs', source, records: [JSON.stringify({ message })] })
      }
      harm(path)
      {
        await using store = openSqliteTelemetry(dir, { log })
        assert.equal(warnings.length, 0, 'nobody has read them yet')
        for (let time = 0; time < 2; time++) assert.deepEqual(await idsFrom(store), [1, 3])
        assert.partialDeepStrictEqual(warnings, [
          { path, error: 'the records up to 2 cannot be read: their checksum is another' },
        ])
        assert.equal(warnings.length, 1)
        assert.deepEqual(damagedIn(folder.path).suspect, ['telemetry/logs-000001.db'])
      }
      await using store = openSqliteTelemetry(dir, { log })
      assert.deepEqual(await idsFrom(store), [1, 3])
      assert.equal(warnings.length, 2)
      assert.equal(warnings[1]?.damaged_packs, 1)
      assert.ok(existsSync(`${path}.damaged`))
      assert.equal(await store.cursorNow('logs'), '3')
    })
})

/** One byte of the second pack, as no page of SQLite shows. */
function harm(path: string): void {
  using database = new DatabaseSync(path)
  const { body } = database.prepare('select body from packs where last_id = 2').get() ?? {}
  assert.ok(body instanceof Uint8Array)
  const last = body.length - 1
  body[last] = (body[last] ?? 0) ^ 1
  database.prepare('update packs set body = ? where last_id = 2').run(body)
}
