import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import { noPostgres, startPostgres, type TestPostgres } from '@plexd/runtime/testing'
import { readMove } from '../store/place/moved.ts'
import { withControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { moveDatabase } from './move.ts'

const rounds = Number(process.env.PLEXD_KILL_ROUNDS ?? 6)
/** Around the commit, and after it. */
const lastCalls = 25
const artifactBytes = 1_000_000
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
  await withControlPlane(
    folder.path,
    async ({ admin }) => assert.equal((await admin.listNodes({})).body.items.length, 20, what),
    { databaseUrl: url },
  )
  return child.stdout
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
    ...{ clock: systemClock, log: silentLog, onProgress: () => {} },
  })
}

function install(dataDir: string): Promise<void> {
  return withControlPlane(
    dataDir,
    async (plane) => {
      for (let node = 0; node < 20; node++) await plane.enrol(`node-${node}`)
      const params = { version: '1.5.0', os: 'linux', arch: 'amd64' }
      await plane.admin.putArtifact({ params, body: Buffer.alloc(artifactBytes, 'plexd ') })
    },
    { databaseUrl: undefined },
  )
}
