import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { silentLog } from '@plexd/runtime'
import { aSmallDisk } from '@plexd/runtime/testing'
import { makeFolder } from '../testing/node.ts'
import { openDatabase } from './database.ts'
import { keepOnDisk } from './tables.ts'

/** Opens when all are there, and keeps it open. */
const opener = `
  const { parentPort, workerData: { gate, dataDir, module } } = require('node:worker_threads')
  import(module).then(({ openDatabase }) => {
    Atomics.add(gate, 0, 1)
    while (Atomics.load(gate, 0) < 2);
    try {
      globalThis.database = openDatabase(dataDir, { debug() {}, info() {}, warn() {}, error() {} })
      parentPort.postMessage('won')
    } catch {
      parentPort.postMessage('lost')
    }
    setInterval(() => {}, 1_000)
  })
`

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

  it('is opened by one of two that start at once', async () => {
    for (let round = 0; round < 4; round++) {
      await using folder = await makeFolder()
      const gate = new Int32Array(new SharedArrayBuffer(4))
      const workerData = {
        gate,
        dataDir: folder.path,
        module: join(import.meta.dirname, 'database.ts'),
      }
      const workers = [1, 2].map(() => new Worker(opener, { eval: true, workerData }))
      const said = await Promise.all(
        workers.map(async (worker) => (await once(worker, 'message'))[0]),
      )
      await Promise.all(workers.map((worker) => worker.terminate()))
      assert.deepEqual(said.sort(), ['lost', 'won'])
    }
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

  it('moves a damaged one aside, starts a new one, and logs it', async () => {
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

  it('explains why a data dir is unusable', async () => {
    await using folder = await makeFolder()
    const file = join(folder.path, 'file')
    writeFileSync(file, '')
    const remedies = [
      [join(file, 'data'), 'a file stands where a folder has to: move it away'],
      ['/proc/no-such/folder', 'run plexd as root'],
    ] as const
    for (const [dataDir, remedy] of remedies)
      assert.throws(
        () => openDatabase(dataDir, silentLog),
        new RegExp(`write to data dir ".*": .*: ${remedy}, or choose another with --data-dir`),
      )
  })

  it('continues in memory while the disk is full, and loses nothing', async (t) => {
    await using disk = await aSmallDisk()
    if (!disk) return void t.skip('mounting a tmpfs needs root')
    const before = openDatabase(disk.path, silentLog)
    report(before, 'first', 'second')
    before.exec("INSERT INTO executions VALUES ('exec_1', 1, '{}', 1, '{}', 0)")
    // As one of an earlier version: the table has to be made.
    before.exec('DROP TABLE nonces')
    before.close()
    await disk.fill()

    const failures: unknown[] = []
    const database = openDatabase(disk.path, silentLog, (error) => failures.push(error))
    assert.equal(failures.length, 1)
    assert.deepEqual(reports(database), ['first', 'second'])
    database.exec("DELETE FROM drift_reports WHERE report = 'first'")
    report(database, 'third')
    database.exec('UPDATE executions SET result_sent = 1')
    assert.throws(() => keepOnDisk(database))
    assert.deepEqual(reports(database), ['second', 'third'])
    await disk.clear()
    keepOnDisk(database)
    database.close()

    const after = openDatabase(disk.path, silentLog)
    assert.deepEqual(reports(after), ['second', 'third'])
    assert.equal(after.prepare('SELECT result_sent FROM executions').get()?.result_sent, 1)
    after.close()
  })
})

function report(database: DatabaseSync, ...texts: string[]): void {
  const insert = database.prepare('INSERT INTO drift_reports (report) VALUES (?)')
  for (const text of texts) insert.run(text)
}

function reports(database: DatabaseSync): unknown[] {
  const rows = database.prepare('SELECT report FROM drift_reports ORDER BY id').all()
  return rows.map((row) => row.report)
}
