import assert from 'node:assert/strict'
import { readdirSync, statSync, truncateSync } from 'node:fs'
import { open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { aSmallDisk } from '@plexd/runtime/testing'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'
import { passGate } from './gate.ts'

const schema = 'create table if not exists items (id integer primary key, bytes blob)'

describe('the gate before a side database', () => {
  it('changes nothing on a disk without room for what can be read, says so, and goes on when there is', async (t) => {
    await using disk = await aSmallDisk()
    if (!disk) return void t.skip('mounting a tmpfs needs root')
    const path = join(disk.path, 'side.db')
    const gate = openGate(path)
    gate.pass()
    write(path, 60)
    await damage(path)
    await writeFile(join(disk.path, 'other'), Buffer.alloc(140_000))
    const before = readdirSync(disk.path).sort()

    for (let time = 0; time < 2; time++)
      assert.throws(
        gate.pass,
        /^Error: save what can be read of ".*side\.db", which is damaged \([\s\S]+\): database or disk is full: make room, as much as/,
      )

    assert.deepEqual(namesIn(disk.path), before)
    assert.deepEqual(gate.warnings, [])
    await rm(join(disk.path, 'other'))
    gate.pass()
    assert.equal(gate.warnings.length, 1)
    const count = countIn(path)
    assert.ok(count > 40 && count < 60, `${count} rows`)
  })

  it('takes a file without a byte for one that has lost all', async () => {
    await using folder = await makeTemporaryFolder()
    const path = join(folder.path, 'side.db')
    const gate = openGate(path)
    gate.pass()
    assert.ok(statSync(path).size > 0, 'a new one never is')
    write(path, 10)
    truncateSync(path, 0)
    gate.pass()
    assert.equal(gate.warnings.length, 1)
    assert.equal(gate.warnings[0]?.moved, `${path}.damaged`)
    assert.equal(countIn(path), 0)
    gate.pass()
    assert.equal(gate.warnings.length, 1)
  })

  it('does not take the log of a file that is gone for that of the new one', async () => {
    await using folder = await makeTemporaryFolder()
    const path = join(folder.path, 'side.db')
    await writeFile(`${path}-wal`, 'of another')
    openGate(path).pass()
    assert.deepEqual(readdirSync(folder.path), ['side.db'])
  })
})

function openGate(path: string) {
  const warnings: Record<string, unknown>[] = []
  const log = { warn: (_: string, fields = {}) => void warnings.push(fields) }
  return { warnings, pass: () => passGate(path, { schema, log, timeoutMs: 1_000 }) }
}

function write(path: string, rows: number): void {
  using database = new DatabaseSync(path)
  const insert = database.prepare('insert into items (bytes) values (?)')
  for (let row = 0; row < rows; row++) insert.run(Buffer.alloc(1_000, row))
}

/** A page in the middle. */
async function damage(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.write(Buffer.alloc(4_096), 0, 4_096, 12 * 4_096)
}

function countIn(path: string): number {
  using database = new DatabaseSync(path)
  return Number(database.prepare('select count(*) as count from items').get()?.count)
}

/** Without what SQLite makes anew where a database is read. */
function namesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !/-(wal|shm)$/.test(name))
    .sort()
}
