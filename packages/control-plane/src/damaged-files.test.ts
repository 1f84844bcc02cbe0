import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, open, readdir, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { examineControlPlane } from './doctor/doctor.ts'
import { openSqliteRecordings } from './recordings/sqlite-store.ts'
import { bucketOf } from './telemetry/series/hours/bucket.ts'
import { openSeriesFile } from './telemetry/series/stores/file.ts'
import { openSqliteTelemetry } from './telemetry/sqlite-store.ts'
import { startControlPlane } from './testing/harness.ts'
import { makeTemporaryFolder } from './testing/temporary-folder.ts'

const runs = Number(process.env.PLEXD_DAMAGE_RUNS ?? 10)
const seed = Number(process.env.PLEXD_SEED ?? Math.floor(Math.random() * 2 ** 31))
const dayMs = 24 * 60 * 60_000
const web = { tenant_id: 'ten_a', node_id: 'n_web' }

/** Of what each of them loses by a kill, the log is what is written last. */
const files = ['telemetry/logs-000001.db', 'telemetry/logs-000002.db', 'recordings.db', 'series.db']
const places = [...files, ...files.slice(1).map((name) => `${name}-wal`)]
const fraction = fc.double({ min: 0, max: 1, noNaN: true })
const damage = fc.record({
  end: fc.constantFrom('closed', 'killed'),
  kind: fc.constantFrom('cut', 'zeros', 'noise', 'header'),
  file: fc.constantFrom(...places),
  from: fraction,
  length: fraction.map((x) => x ** 3),
})

describe('a control plane of which a file beside the database is damaged', () => {
  it(`opens, has nothing that was not there before, and goes on, ${runs} times`, {
    timeout: 3_600_000,
  }, async (t) => {
    t.diagnostic(`PLEXD_SEED=${seed}`)
    await using folder = await makeTemporaryFolder()
    const before = await prepare(folder.path)
    let number = 0
    const property = fc.asyncProperty(damage, async (what) => {
      const copy = join(folder.path, `${++number}`)
      await cp(join(folder.path, what.end), copy, { recursive: true })
      if (!existsSync(join(copy, what.file))) return // it was closed
      await harm(join(copy, what.file), what)
      for (let opening = 0; opening < 2; opening++) {
        await using stores = openStores(copy)
        const now = await stores.read()
        for (const [id, record] of now.records) assert.equal(before.records.get(id), record)
        for (const file of files.slice(0, 2))
          if (!what.file.startsWith(file))
            for (const [id, record] of before.records)
              if (before.fileOf(id) === file) assert.equal(now.records.get(id), record)
        if (what.file.endsWith('-wal')) continue // who loses the end of the log does not know it
        assert.ok(Number(await stores.telemetry.cursorNow('logs')) >= before.lastId, 'ids go on')
      }
      await using again = openStores(copy)
      await again.write()
      assert.deepEqual(again.warnings, [])
    })
    await fc.assert(property, { numRuns: runs, seed })
  })

  it('takes over what can be read, and says exactly what chunks of recordings are lost', async () => {
    await using folder = await makeTemporaryFolder()
    await prepare(folder.path)
    const path = join(folder.path, 'closed', 'recordings.db')
    const pages = (await stat(path)).size / 4_096
    await overwrite(path, Math.floor(pages / 2) * 4_096, Buffer.alloc(8_192))
    const warnings: Record<string, unknown>[] = []
    await using recordings = openSqliteRecordings(path, {
      log: { warn: (_message, fields) => void warnings.push(fields ?? {}) },
    })
    const held = await chunksOf(recordings)
    assert.ok(held.length > 60 && held.length < 100, `${held.length} chunks`)
    assert.equal(warnings.length, 1)
    assert.equal(warnings[0]?.lost_chunks, 100 - held.length)
    assert.equal(warnings[0]?.moved, `${path}.damaged`)
  })

  it('names it to the doctor and to monitors, and serves', async () => {
    await using folder = await makeTemporaryFolder()
    const dataDir = folder.path
    const config = { databaseUrl: undefined } // the series of a database are in no file
    {
      await using plane = await startControlPlane({ dataDir, config })
      await plane.enrol('web')
    }
    await writeFile(join(dataDir, 'series.db'), 'no database'.repeat(500))
    await writeFile(join(dataDir, 'recordings.db.suspect'), '')
    await using plane = await startControlPlane({ dataDir, config })
    const answer = await fetch(`${plane.url}/readyz`)
    assert.deepEqual(await answer.json(), {
      status: 'ready',
      warnings: ['"series.db.damaged" is damaged: plexd-control-plane doctor says why'],
    })
    const findings = await examineControlPlane(plane.app.config, Date.now())
    const finding = findings.find(({ check }) => check === 'damaged files')
    assert.equal(finding?.state, 'warning')
    assert.match(finding?.detail ?? '', /^set aside, .*\/series\.db\.damaged"$/)
    assert.equal(findings.find(({ check }) => check === 'database')?.state, 'ok')
  })

  it('never replaces the main database', async () => {
    await using folder = await makeTemporaryFolder()
    const dataDir = folder.path
    const config = { databaseUrl: undefined }
    {
      await using _plane = await startControlPlane({ dataDir, config })
    }
    const path = join(dataDir, 'control-plane.db')
    await overwrite(path, 0, Buffer.alloc(4_096))
    await assert.rejects(startControlPlane({ dataDir, config }), /database/)
    assert.ok((await readdir(dataDir)).every((name) => !name.includes('damaged')))
  })
})

/** Two days of logs, with recordings and series: in one folder as they are when they were closed, in another as a kill leaves them. */
async function prepare(folder: string) {
  const clock = { nowMs: 10 * dayMs }
  const closed = join(folder, 'closed')
  await using stores = openStores(closed, () => clock.nowMs)
  for (let day = 0; day < 2; day++) {
    clock.nowMs += dayMs
    for (let n = 0; n < 20; n++) await stores.write()
  }
  const { records } = await stores.read()
  await cp(closed, join(folder, 'killed'), {
    recursive: true,
    filter: (path) => !path.endsWith('-shm'),
  })
  const lastId = Number(await stores.telemetry.cursorNow('logs'))
  return {
    records,
    lastId,
    fileOf: (id: number) => files[id <= lastId / 2 ? 0 : 1],
  }
}

function openStores(folder: string, now = () => 12 * dayMs) {
  const warnings: unknown[] = []
  const log = { warn: (...all: unknown[]) => void warnings.push(all), error: assert.fail }
  const telemetry = openSqliteTelemetry(join(folder, 'telemetry'), { now, log })
  const recordings = openSqliteRecordings(join(folder, 'recordings.db'), { now, log })
  const series = openSeriesFile(join(folder, 'series.db'), {
    room: { own: 100, programs: 100 },
    onLeftOut: () => assert.fail('there is room'),
    log,
  })
  return {
    telemetry,
    warnings,
    async write(): Promise<void> {
      await telemetry.append({ kind: 'logs', source: web, records: noise(30) })
      const held = await chunksOf(recordings)
      const index = Math.max(-1, ...held.map((chunk) => chunk.index)) + 1
      for (const session_id of ['s_a', 's_b', 's_c'].slice(0, index < 20 ? 3 : 2))
        await recordings.put(
          { session_id, node_id: 'n_web', index, bytes: aChunk() },
          { maxBytes: 1e9 },
        )
      const bucket = bucketOf(1, now())
      const hour = { series: new Map([['a.b', new Map([[0, bucket]])]]), programs: 0 }
      const hours = new Map([[index * 3_600_000, hour]])
      const head = { firstId: index, lastId: index, points: 1, hours }
      const writer = await series.begin(Number.POSITIVE_INFINITY)
      await writer.add(new Map([['n_web', head]]))
      await writer.finish(index)
    },
    async read() {
      const found = await telemetry.list({ ...web, kind: 'logs', limit: 100_000 })
      assert.equal(new Set(found.map(({ id }) => id)).size, found.length, 'each once')
      await chunksOf(recordings)
      await recordings.holdings()
      await series.read('n_web', { fromMs: 0, toMs: 1e15 })
      return { records: new Map(found.map(({ id, record }) => [id, record])) }
    },
    async [Symbol.asyncDispose]() {
      await telemetry[Symbol.asyncDispose]()
      await recordings[Symbol.asyncDispose]()
      await series[Symbol.asyncDispose]()
    },
  }
}

/** Not the last of its recording, which one of 256 random ones would be: none after it would be kept. */
function aChunk(): Buffer {
  const bytes = randomBytes(6_000)
  bytes[0] = 0
  return bytes
}

async function chunksOf(recordings: Pick<ReturnType<typeof openSqliteRecordings>, 'next'>) {
  const chunks: { index: number }[] = []
  for (const session of ['s_a', 's_b', 's_c'])
    for (let from = 0; ; ) {
      const chunk = await recordings.next(session, from)
      if (!chunk) break
      chunks.push(chunk)
      from = chunk.index + 1
    }
  return chunks
}

async function harm(
  path: string,
  { kind, from, length }: { kind: string; from: number; length: number },
): Promise<void> {
  const { size } = await stat(path)
  const start = Math.floor(from * size)
  const bytes = Math.ceil(length * (size - start))
  if (kind === 'cut') await truncate(path, start)
  else if (kind === 'zeros') await overwrite(path, start, Buffer.alloc(bytes))
  else if (kind === 'noise') await overwrite(path, start, randomBytes(bytes))
  else await overwrite(path, Math.floor(from * 100), randomBytes(1 + Math.floor(length * 100)))
}

async function overwrite(path: string, at: number, bytes: Buffer): Promise<void> {
  await using file = await open(path, 'r+')
  await file.write(bytes, 0, bytes.length, at)
}

function noise(count: number): string[] {
  return Array.from({ length: count }, () => JSON.stringify(randomBytes(150).toString('base64')))
}
