import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import { noPostgres, startPostgres, type TestPostgres } from '@plexd/runtime/testing'
import { limits } from '../limits.ts'
import { readMove } from '../store/place/moved.ts'
import { openSqliteTelemetry } from '../telemetry/sqlite-store.ts'
import { withControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { moveDatabase } from './move.ts'

const rounds = Number(process.env.PLEXD_KILL_ROUNDS ?? 6)
/** Around the commit, and after it. */
const lastCalls = 25
const artifactBytes = 1_000_000
const days = 3
const recordsOfDay = 200
const telemetryQuery =
  'select sum(count), count(distinct number), max(last_id) from telemetry_packs'
const artifactQuery =
  "select sum(length(bytes)) from artifact_chunks join artifact_contents on id = content_id where version = '1.5.0'"
const program = join(import.meta.dirname, '../testing/killed/move.ts')

describe('a move to PostgreSQL that is killed', { skip: noPostgres }, () => {
  it(`is done by the next attempt, and has happened in one place or the other until then, ${rounds} times`, {
    timeout: 6 * 3_600_000,
  }, async () => {
    await using server = await startPostgres()
    await using installed = await makeTemporaryFolder()
    await install(installed.path)
    const all = Number(await runOnCopy(server, installed.path))
    assert.ok(all > lastCalls)

    for (let round = 0; round < rounds; round++) {
      const within = round % 2 === 0 ? lastCalls : all
      const at = all - Math.floor(Math.random() * within)
      await runOnCopy(server, installed.path, at)
    }
  })
})

/** Moves a copy of the folder, in two attempts where the first is killed; resolves to what that printed. */
async function runOnCopy(server: TestPostgres, installed: string, at = 0): Promise<string> {
  await using folder = await makeTemporaryFolder()
  await cp(installed, folder.path, { recursive: true })
  const url = server.createDatabase()
  const child = spawnSync(process.execPath, [program, folder.path, url, `${at}`], {
    encoding: 'utf8',
  })
  const what = `killed at call ${at}`
  const left = readMove(folder.path)
  if (child.signal !== 'SIGKILL') assert.equal(child.status, 0, `${what}: ${child.stderr}`)
  // The file is the state still: whoever looks at the server finds nothing.
  if (!left) assert.equal(countOf(server, url), 0, what)
  if (left?.state === 'moving') await assert.rejects(start(folder.path), /was interrupted/, what)
  if (left?.state !== 'moved') await move(folder.path, url)

  assert.equal(readMove(folder.path)?.state, 'moved', what)
  assert.equal(countOf(server, url), 1, what)
  assert.equal(server.psql(url, artifactQuery).trim(), `${artifactBytes}`, what)
  const telemetry = [days * recordsOfDay, days, days * recordsOfDay].join('|')
  assert.equal(server.psql(url, telemetryQuery).trim(), telemetry, what)
  const hours = server.psql(url, 'select count(*) from series_hours').trim()
  assert.equal(hours, `${hoursIn(installed)}`, what)
  await withControlPlane(
    folder.path,
    async ({ admin }) => assert.equal((await admin.listNodes({})).body.items.length, 20, what),
    { databaseUrl: url },
  )
  return child.stdout
}

function hoursIn(dataDir: string): number {
  using database = new DatabaseSync(join(dataDir, 'series.db'))
  return Number(database.prepare('select count(*) as count from hours').get()?.count)
}

/** Of tenants that others see. */
function countOf(server: TestPostgres, url: string): number {
  const isThere = server.psql(url, "select to_regclass('tenants') is not null").trim() === 't'
  return isThere ? Number(server.psql(url, 'select count(*) from tenants')) : 0
}

const start = (dataDir: string) =>
  withControlPlane(dataDir, async () => {}, { databaseUrl: undefined })

function move(dataDir: string, url: string) {
  return moveDatabase({
    ...{ dataDir, to: { url }, masterKeyFile: undefined, caKeyFile: undefined },
    telemetryMs: limits.telemetry_ms.default,
    ...{ clock: systemClock, log: silentLog, onProgress: () => {} },
  })
}

async function install(dataDir: string): Promise<void> {
  await fillTelemetry(dataDir)
  await withControlPlane(
    dataDir,
    async (plane) => {
      for (let node = 0; node < 20; node++) await plane.enrol(`node-${node}`)
      const params = { version: '1.5.0', os: 'linux', arch: 'amd64' }
      await plane.admin.putArtifact({ params, body: Buffer.alloc(artifactBytes, 'plexd ') })
    },
    { databaseUrl: undefined },
  )
}

async function fillTelemetry(dataDir: string): Promise<void> {
  const clock = { nowMs: 0 }
  await using store = openSqliteTelemetry(join(dataDir, 'telemetry'), { now: () => clock.nowMs })
  const source = { tenant_id: 'ten_1', node_id: 'n_web' }
  for (let day = days; day > 0; day--) {
    clock.nowMs = systemClock.now() - (day - 1) * 24 * 3_600_000
    const timestamp = new Date(clock.nowMs).toISOString()
    const record = { timestamp, group: 'node_resources', data: { cpu_percent: 1 } }
    const records = Array.from({ length: recordsOfDay }, () => JSON.stringify(record))
    await store.append({ kind: 'metrics', source, records })
  }
}
