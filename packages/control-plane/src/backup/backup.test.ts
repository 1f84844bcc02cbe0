import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { chown, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { CliError, createHttpTransport } from '@plexd/runtime'
import { aSmallDisk } from '@plexd/runtime/testing'
import { restoreBackup } from '../restore/restore.ts'
import { startControlPlane, withControlPlane } from '../testing/harness.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { type CreateOptions, createBackup } from './create.ts'
import { readRecords } from './records.ts'
import { verifyBackup } from './verify.ts'

const quiet = { onProgress: () => {} }

function backUp(options: Pick<CreateOptions, 'dataDir' | 'out'> & Partial<CreateOptions>) {
  return createBackup({
    parts: ['master-key'],
    recipients: [],
    masterKeyFile: undefined,
    named: {},
    by: 'command',
    now: Date.now,
    ...quiet,
    ...options,
  })
}

function restore(
  file: string,
  dataDir: string,
  options: { isForced?: boolean; masterKeyFile?: string } = {},
) {
  const { isForced = false, masterKeyFile } = options
  return restoreBackup({
    file,
    dataDir,
    isForced,
    masterKeyFile,
    identities: undefined,
    now: Date.now,
    ...quiet,
  })
}

describe('a backup of a control plane that runs', () => {
  it('brings back all that was acknowledged before it, in an epoch of its own', async () => {
    await using folder = await makeTemporaryFolder()
    const out = join(folder.path, 'backup')
    const restored = join(folder.path, 'restored')
    let before: string
    {
      await using plane = await startControlPlane()
      const web = await plane.enrol('web')
      await plane.admin.putData({
        params: { key: 'motd' },
        body: { target: { selector: '*' }, content_type: 'text/plain', payload: 'hello' },
      })
      const artifact = Buffer.from('a build of plexd')
      using transport = createHttpTransport({ baseUrl: plane.url, userAgent: 'test' })
      const { status } = await transport({
        method: 'PUT',
        path: '/admin/v1/artifacts/plexd/1.0.0/linux/amd64',
        headers: {
          authorization: `Bearer ${plane.adminToken}`,
          'content-type': 'application/octet-stream',
        },
        body: artifact,
      })
      assert.ok(status < 300, String(status))
      before = (await web.api.getState({ params: web })).headers.etag ?? ''
      const { manifest, warnings } = await backUp({ dataDir: plane.dataDir, out })
      assert.deepEqual([manifest.nodes, warnings], [1, []])
      await plane.enrol('behind')
      assert.deepEqual(
        readRecords(plane.dataDir).map(({ kind, outcome, sequence }) => ({
          kind,
          outcome,
          sequence,
        })),
        [{ kind: 'create', outcome: 'ok', sequence: manifest.sequence }],
      )
    }
    assert.equal((await stat(out)).mode & 0o777, 0o600)
    const { manifest, opens_with_key } = await verifyBackup({
      file: out,
      identities: undefined,
      masterKeyFile: undefined,
      ...quiet,
    })
    assert.equal(opens_with_key, true)
    const { epoch } = await restore(out, restored)
    assert.notEqual(epoch, manifest.epoch)
    await writeFile(join(restored, 'admin-token'), 'none', { mode: 0o600 })
    await withControlPlane(restored, async ({ app, dataDir }) => {
      const nodes = Array.from(app.fleet.allNodes(), ({ hostname }) => hostname)
      assert.deepEqual(nodes, ['web'])
      assert.match(app.heads.find(before.replaceAll('"', '')).unknown ?? '', /another event log/)
      const artifact = await readFile(join(dataDir, 'artifacts/plexd/1.0.0/linux/amd64'), 'utf8')
      assert.equal(artifact, 'a build of plexd')
      assert.deepEqual(readRecords(dataDir).at(-1)?.kind, 'restore')
    })
  })

  it('has of a recording what the control plane knew, and of telemetry only what was asked for', async () => {
    await using folder = await makeTemporaryFolder()
    await using plane = await startControlPlane()
    const of = async (...parts: CreateOptions['parts']) => {
      const out = join(folder.path, `backup-${parts.length}`)
      const { manifest } = await backUp({ dataDir: plane.dataDir, out, parts })
      return manifest.files.map(({ path }) => path)
    }
    const web = await plane.enrol('web')
    await web.api.reportDrift({
      params: web,
      body: { timestamp: new Date(0).toISOString(), corrections: [] },
    })
    const plain = await of()
    for (const path of [
      'control-plane.db',
      'master.key',
      'recordings.db',
      'series.db',
      'admin-token',
      'lock',
    ])
      assert.equal(plain.includes(path), path === 'control-plane.db', path)
    const all = await of('recordings', 'telemetry', 'master-key')
    for (const path of ['master.key', 'recordings.db', 'series.db', 'telemetry/drift-000001.db'])
      assert.ok(all.includes(path), path)
  })
})

describe('making a backup', () => {
  it('is of one moment, while keys and builds of plexd are replaced', {
    timeout: 120_000,
  }, async () => {
    await using folder = await makeTemporaryFolder()
    await using plane = await startControlPlane()
    using transport = createHttpTransport({ baseUrl: plane.url, userAgent: 'test' })
    const headers = { authorization: `Bearer ${plane.adminToken}` }
    const path = '/admin/v1/artifacts/plexd/1.0.0/linux/amd64'
    let isWanted = true
    const changing = (async () => {
      for (let round = 0; isWanted; round++) {
        await plane.admin.rotateMasterKey({})
        const type = { 'content-type': 'application/octet-stream' }
        const body = Buffer.alloc(50_000, round)
        const put = await transport({ method: 'PUT', path, headers: { ...headers, ...type }, body })
        assert.ok(put.status < 300, put.body)
        const { status } = await transport({ method: 'DELETE', path, headers })
        assert.ok(status < 300, String(status))
      }
    })()
    try {
      for (let round = 0; round < 5; round++) {
        const out = join(folder.path, `backup-${round}`)
        const { warnings } = await backUp({ dataDir: plane.dataDir, out })
        assert.deepEqual(warnings, [])
        const asked = { identities: undefined, masterKeyFile: undefined, ...quiet }
        assert.equal((await verifyBackup({ file: out, ...asked })).opens_with_key, true)
      }
    } finally {
      isWanted = false
      await changing
    }
  })

  it('replaces nothing, leaves nothing half, and says why', async () => {
    await using folder = await makeTemporaryFolder()
    await using plane = await startControlPlane()
    const { dataDir } = plane
    const out = join(folder.path, 'backup')
    await writeFile(out, 'mine')
    const cases = [
      [{ out }, /there is a file of that name/],
      [{ out: join(folder.path, 'none', 'backup') }, /there is no such folder/],
      [{ dataDir: folder.path, out }, /no data folder of a control plane/],
      [{ out: join(folder.path, 'x'), masterKeyFile: join(folder.path, 'none') }, /ENOENT|missing/],
    ] as const
    for (const [options, message] of cases)
      await assert.rejects(backUp({ dataDir, ...options }), { message })
    assert.equal(await readFile(out, 'utf8'), 'mine')
    assert.deepEqual(await readdir(folder.path), ['backup'])
    assert.deepEqual(
      (await readdir(join(dataDir, '.backup'))).filter((name) => !name.startsWith('lock')),
      [],
    )
    assert.deepEqual(
      new Set(readRecords(dataDir).map(({ outcome }) => outcome)),
      new Set(['failed']),
    )
  })

  it('is refused before a disk is full', async (t) => {
    await using disk = await aSmallDisk()
    if (!disk) return t.skip('needs root, to mount a small disk')
    await using plane = await startControlPlane()
    await assert.rejects(backUp({ dataDir: plane.dataDir, out: join(disk.path, 'backup') }), {
      message: /MiB are free for ".*", and it may take .*: make room$/,
    })
    assert.deepEqual(await readdir(disk.path), [])
  })

  it('leaves no copies for good if it is killed: the next start removes them', async () => {
    await using folder = await makeTemporaryFolder()
    const copies = join(folder.path, '.backup', 'files')
    await withControlPlane(folder.path, () => mkdir(copies, { recursive: true }))
    await writeFile(join(copies, 'control-plane.db'), 'x')
    await withControlPlane(folder.path, async () => assert.equal(existsSync(copies), false))
  })

  it('is done by one at a time', async () => {
    await using folder = await makeTemporaryFolder()
    await using plane = await startControlPlane()
    const outcomes = await Promise.allSettled(
      ['a', 'b'].map((name) => backUp({ dataDir: plane.dataDir, out: join(folder.path, name) })),
    )
    const [refused, ...more] = outcomes.filter(({ status }) => status === 'rejected')
    assert.match(
      String((refused as PromiseRejectedResult).reason),
      /another backup of it is being made/,
    )
    assert.deepEqual(more, [])
  })
})

describe('a restore', () => {
  it('refuses a folder that is used or not empty, a wrong key, and a damaged backup, and changes nothing', async () => {
    await using folder = await makeTemporaryFolder()
    const out = join(folder.path, 'backup')
    const keyless = join(folder.path, 'keyless')
    await using plane = await startControlPlane()
    await backUp({ dataDir: plane.dataDir, out })
    await backUp({ dataDir: plane.dataDir, out: keyless, parts: [] })
    const other = join(folder.path, 'other')
    await mkdir(other)
    await writeFile(join(other, 'file'), 'mine')
    const wrongKey = join(folder.path, 'wrong.key')
    await writeFile(wrongKey, `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 })
    const damaged = join(folder.path, 'damaged')
    await writeFile(damaged, (await readFile(out)).subarray(0, -1))
    const empty = join(folder.path, 'made', 'and', 'empty')
    const there = join(folder.path, 'there')
    await mkdir(there)
    for (const [file, dataDir, options, message] of [
      [out, plane.dataDir, { isForced: true }, /process \d+ is running on it/],
      [out, other, {}, /it is not empty, there is "file"/],
      [keyless, empty, {}, /sealed under master key \w+, which is not in it/],
      [keyless, empty, { masterKeyFile: wrongKey }, /and the database is sealed under/],
      [damaged, empty, {}, /cut off or changed/],
      [join(folder.path, 'none'), empty, {}, /ENOENT/],
      [damaged, there, {}, /cut off or changed/],
    ] as const) {
      await assert.rejects(
        restore(file, dataDir, options),
        (error) => error instanceof CliError && message.test(error.message),
      )
      assert.equal(existsSync(join(folder.path, 'made')), false)
    }
    assert.deepEqual(await readdir(other), ['file'])
    assert.deepEqual(await readdir(there), ['lock'])
    await restore(keyless, empty, { masterKeyFile: join(plane.dataDir, 'master.key') })
    const { aside } = await restore(out, other, { isForced: true })
    assert.equal(await readFile(join(aside ?? '', 'file'), 'utf8'), 'mine')
    for (const name of ['control-plane.db', 'master.key', 'ca.crt'])
      if (existsSync(join(plane.dataDir, name))) assert.ok(existsSync(join(other, name)), name)
  })

  it('gives all of it to the owner of the folder', async (t) => {
    if (process.geteuid?.() !== 0) return t.skip('needs root, to give a folder away')
    await using folder = await makeTemporaryFolder()
    await using plane = await startControlPlane()
    const out = join(folder.path, 'backup')
    await backUp({ dataDir: plane.dataDir, out })
    const dataDir = join(folder.path, 'owned')
    await mkdir(dataDir)
    await chown(dataDir, 12_345, 12_346)
    await restore(out, dataDir)
    // Root may also make a backup of it, which leaves nothing that the control plane could not write.
    await backUp({ dataDir, out: join(folder.path, 'again') })
    for (const entry of await readdir(dataDir, { recursive: true })) {
      const { uid, gid, mode } = statSync(join(dataDir, entry))
      assert.deepEqual([uid, gid, mode & 0o077 & ~0o044], [12_345, 12_346, 0], entry)
    }
  })
})
