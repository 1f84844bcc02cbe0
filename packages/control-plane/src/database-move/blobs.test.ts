import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { silentLog, systemClock } from '@plexd/runtime'
import { noPostgres, openForTests, startPostgres } from '@plexd/runtime/testing'
import { openPostgresRecordings } from '../recordings/postgres-store.ts'
import { openSqliteRecordings } from '../recordings/sqlite-store.ts'
import type { RecordingStore } from '../recordings/store.ts'
import { withControlPlane } from '../testing/harness.ts'
import { aSealedChunk } from '../testing/sealed-chunk.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { copyRecordings } from './copy-recordings.ts'
import { moveDatabase } from './move.ts'

const binary = Buffer.alloc(1_000_000, 'plexd ')
const good = { version: '1.5.0', os: 'linux', arch: 'amd64' }
const bad = { ...good, arch: 'arm64' }

describe('what is beside the state of a data folder', { skip: noPostgres }, () => {
  const server = openForTests(startPostgres)

  it('goes with it: artifacts are served and recordings played; a file that is damaged is named and left out', async () => {
    await using folder = await makeTemporaryFolder()
    const told = await withControlPlane(folder.path, install, { databaseUrl: undefined })
    const damaged = join(folder.path, 'artifacts/plexd/1.5.0/linux/arm64')
    await writeFile(damaged, 'other')

    const url = server.createDatabase()
    const { blobs, warnings } = await moveDatabase({
      ...{
        dataDir: folder.path,
        to: { url },
        masterKeyFile: undefined,
        caKeyFile: undefined,
        telemetryMs: undefined,
      },
      ...{ clock: systemClock, log: silentLog, onProgress: () => {} },
    })
    assert.deepEqual(
      blobs.map(({ what, source, target }) => [what, source.items, target.bytes > 0]),
      [
        ['recordings', 1, true],
        ['artifacts', 1, true],
      ],
    )
    for (const { source, target } of blobs) assert.deepEqual(source, target)
    assert.deepEqual(warnings, [
      `"${damaged}" is not what was uploaded, and is left out: upload it again`,
    ])

    await withControlPlane(
      folder.path,
      async (plane) => {
        const get = (path: string, token: string) =>
          fetch(`${plane.url}/${path}`, { headers: { authorization: `Bearer ${token}` } })
        const whole = await get('v1/artifacts/plexd/1.5.0/linux/amd64', told.token)
        assert.ok(Buffer.from(await whole.arrayBuffer()).equals(binary))
        const path = `admin/v1/sessions/${told.session_id}/recording`
        assert.match(await (await get(path, plane.adminToken)).text(), /"canary"/)
      },
      { databaseUrl: url },
    )
  })

  it('goes without artifacts that have a store of their own', async () => {
    await using folder = await makeTemporaryFolder()
    await withControlPlane(folder.path, install, { databaseUrl: undefined })
    const place = { dataDir: folder.path, masterKeyFile: undefined, caKeyFile: undefined }
    const { blobs, warnings } = await moveDatabase({
      ...{ ...place, artifactStore: 's3://files', to: { url: server.createDatabase() } },
      ...{ telemetryMs: undefined, clock: systemClock, log: silentLog, onProgress: () => {} },
    })
    assert.deepEqual(
      blobs.map(({ what }) => what),
      ['recordings'],
    )
    assert.deepEqual(warnings, [])
  })

  it('is what the folder has also when an earlier attempt had copied something else', async () => {
    await using folder = await makeTemporaryFolder()
    const to = { url: server.createDatabase() }
    const limits = { maxBytes: 1_000 }
    const chunk = (session_id: string, index: number) => ({
      ...{ session_id, node_id: 'n_1', index },
      bytes: Uint8Array.of(0, index),
    })
    {
      await using earlier = await openPostgresRecordings(to)
      for (const id of ['sess_gone', 'sess_1']) await earlier.put(chunk(id, 0), limits)
    }
    await using source = openSqliteRecordings(join(folder.path, 'recordings.db'), { now: () => 7 })
    for (const index of [0, 1, 3]) await source.put(chunk('sess_1', index), limits)
    await source.put(chunk('sess_2', 0), limits)

    const copy = () =>
      copyRecordings(
        source,
        (now) => openPostgresRecordings(to, { now }),
        () => {},
      )
    const { target } = await copy()
    assert.deepEqual(target, (await copy()).source)
    await using there = await openPostgresRecordings(to)
    const listOf = async (store: RecordingStore) => JSON.stringify(await store.holdings())
    assert.deepEqual(JSON.parse(await listOf(there)), JSON.parse(await listOf(source)))
  })
})

async function install(plane: Parameters<Parameters<typeof withControlPlane>[1]>[0]) {
  const web = await plane.enrol('web')
  for (const params of [good, bad]) await plane.admin.putArtifact({ params, body: binary })
  const { session_id, key } = await plane.record(web)
  const text = '{"version":2,"width":80,"height":24,"timestamp":1}\n[0,"o","canary"]\n'
  await web.api.uploadRecording({
    params: { ...web, session_id, chunk: '0' },
    body: new Uint8Array(aSealedChunk(key, { session_id, index: 0, text })),
  })
  return { token: web.token, session_id }
}
