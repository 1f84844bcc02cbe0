import assert from 'node:assert/strict'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { silentLog } from '@plexd/runtime'
import { openDatabase } from './database.ts'
import { makeFolder } from './testing/node.ts'

describe('openDatabase', () => {
  it('locks the data dir against a second daemon', async () => {
    await using folder = await makeFolder()
    const first = openDatabase(folder.path, silentLog)
    assert.throws(
      () => openDatabase(folder.path, silentLog),
      /another plexd uses it: look with "plexd status"/,
    )
    first.close()
    openDatabase(folder.path, silentLog).close()
  })

  it('is for its owner alone', async () => {
    await using folder = await makeFolder()
    const dataDir = join(folder.path, 'data')
    const database = openDatabase(dataDir, silentLog)
    assert.equal(statSync(dataDir).mode & 0o777, 0o700)
    for (const name of readdirSync(dataDir)) {
      assert.equal(statSync(join(dataDir, name)).mode & 0o777, 0o600, name)
    }
    database.close()
  })

  it('starts anew beside a damaged one, loudly', async () => {
    await using folder = await makeFolder()
    writeFileSync(
      join(folder.path, 'agent.db'),
      'this is no database, and long enough to be seen as none',
    )
    const errors: string[] = []
    const log = { ...silentLog, error: (message: string) => errors.push(message) }

    const database = openDatabase(folder.path, log)
    database.prepare('SELECT count(*) FROM executions').get()
    database.close()

    assert.deepEqual(errors, ['database is damaged, starting with an empty one'])
    assert.ok(readdirSync(folder.path).some((name) => name.startsWith('agent.db.corrupt-')))
  })

  it('explains a data dir that cannot be', async () => {
    await using folder = await makeFolder()
    const file = join(folder.path, 'file')
    writeFileSync(file, '')
    for (const dataDir of [join(file, 'data'), '/proc/no-such/folder'])
      assert.throws(
        () => openDatabase(dataDir, silentLog),
        /write to data dir ".*": .*: run plexd as root, or choose another with --data-dir/,
      )
  })
})
