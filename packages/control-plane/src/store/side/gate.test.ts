import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync, truncateSync } from 'node:fs'
import { copyFile, mkdir, open, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { aSmallDisk } from '@plexd/runtime/testing'
import fc from 'fast-check'
import { makeTemporaryFolder } from '../../testing/temporary-folder.ts'
import type { StartStep } from '../start-step.ts'
import { passGate } from './gate.ts'
import { suspect } from './set-aside.ts'

const schema = 'create table if not exists items (id integer primary key, bytes blob)'

const kills = Number(process.env.PLEXD_SALVAGE_KILLS ?? 6)
const seed = Number(process.env.PLEXD_SEED ?? Math.floor(Math.random() * 2 ** 31))
const program = join(import.meta.dirname, '../../testing/killed/salvage.ts')

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

  it('takes a last page that is not whole for damage, though SQLite counts it', async () => {
    await using folder = await makeTemporaryFolder()
    const path = join(folder.path, 'side.db')
    const gate = openGate(path)
    gate.pass()
    write(path, 10)
    truncateSync(path, statSync(path).size - 100)
    gate.pass()
    assert.equal(gate.warnings[0]?.error, 'it ends in the middle of a page')
    assert.ok(countIn(path) >= 9)
  })

  it('does not take the log of a file that is gone for that of the new one', async () => {
    await using folder = await makeTemporaryFolder()
    const path = join(folder.path, 'side.db')
    await writeFile(`${path}-wal`, 'of another')
    openGate(path).pass()
    assert.deepEqual(readdirSync(folder.path), ['side.db'])
  })

  it('says what takes long before it begins, so that a service manager waits', async () => {
    await using folder = await makeTemporaryFolder()
    const path = join(folder.path, 'side.db')
    const gate = openGate(path)
    gate.pass()
    write(path, 60)
    gate.pass()
    assert.equal(gate.steps.length, 0, 'nothing does')
    await damage(path)
    suspect(path)
    gate.pass()
    const words = gate.steps.map((step) => step.words)
    assert.deepEqual(words, [`looking at all of "${path}"`, `saving what can be read of "${path}"`])
    assert.ok(gate.steps.every(({ maxMs }) => maxMs >= 600_000))
  })

  it(`loses nothing that could be read, wherever it is killed, ${kills} times`, async (t) => {
    t.diagnostic(`PLEXD_SEED=${seed}`)
    await using folder = await makeTemporaryFolder()
    const original = join(folder.path, 'side.db')
    openGate(original).pass()
    // As a kill leaves it: the last rows are in its log alone.
    using open = new DatabaseSync(original)
    open.exec('pragma journal_mode = wal')
    write(original, 50)
    open.exec('pragma wal_checkpoint(truncate)')
    write(original, 10)
    await damage(original)
    suspect(original)
    const whole = join(folder.path, 'whole', 'side.db')
    await mkdir(dirname(whole))
    await copyAll(original, whole)
    const calls = Number((await passKilled(whole, 'never')).printed)
    assert.ok(calls > 60, `${calls} calls`)
    const readable = rowsIn(whole)
    assert.ok(readable.length > 40 && readable.length < 60, `${readable.length} rows`)

    const property = fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: calls }), { minLength: 1, maxLength: 2 }),
      async (ats) => {
        await using place = await makeTemporaryFolder()
        const path = join(place.path, 'side.db')
        await copyAll(original, path)
        // Another time while the next start goes on.
        for (const at of ats) await passKilled(path, String(at))
        openGate(path).pass()
        assert.deepEqual(rowsIn(path), readable)
        assert.deepEqual(namesIn(place.path), ['side.db', 'side.db.damaged'])
      },
    )
    const examples: [number[]][] = [[[calls]], [[calls - 1, calls - 1]]]
    await fc.assert(property, { numRuns: kills, seed, examples, endOnFailure: true })
  })
})

async function passKilled(path: string, at: string): Promise<{ printed: string }> {
  const child = spawn(process.execPath, [program, path, at], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [printed, [, signal]] = await Promise.all([text(child.stdout), once(child, 'close')])
  assert.ok(signal === 'SIGKILL' || printed !== '', 'it is killed or comes through')
  return { printed }
}

async function copyAll(from: string, to: string): Promise<void> {
  for (const suffix of ['', '-wal', '.suspect']) await copyFile(from + suffix, to + suffix)
}

function openGate(path: string) {
  const warnings: Record<string, unknown>[] = []
  const steps: StartStep[] = []
  const options = {
    ...{ schema, timeoutMs: 1_000 },
    log: { warn: (_: string, fields = {}) => void warnings.push(fields) },
    onStep: (step: StartStep) => void steps.push(step),
  }
  return { warnings, steps, pass: () => passGate(path, options) }
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
  return rowsIn(path).length
}

function rowsIn(path: string): unknown[] {
  using database = new DatabaseSync(path)
  return database.prepare('select id, hex(bytes) as bytes from items order by id').all()
}

/** Without what SQLite makes anew where a database is read. */
function namesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !/-(wal|shm)$/.test(name))
    .sort()
}
