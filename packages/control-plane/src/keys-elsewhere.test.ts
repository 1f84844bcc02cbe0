import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { silentLog, systemClock } from '@plexd/runtime'
import { credentialSettings } from './config/settings.ts'
import { resetAdminToken } from './start/admin-token-reset.ts'
import { startProcess } from './testing/child.ts'
import { withControlPlane } from './testing/harness.ts'
import { addOperator } from './testing/operators.ts'

const run = promisify(execFile)
const main = join(import.meta.dirname, 'main.ts')

describe('the keys of a control plane', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plexd-keys-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('may lie elsewhere than the database', async () => {
    const [dataDir, keys] = [join(folder, 'data'), join(folder, 'keys')]
    await mkdir(keys)
    const [master, authority] = [join(keys, 'master.key'), join(keys, 'ca.key')]
    const args = ['--data-dir', dataDir, '--listen', '127.0.0.1:0', '--stun-listen', 'off']
    const moved = ['--master-key-file', master, '--ca-key-file', authority]
    for (let start = 0; start < 2; start++) {
      await using child = await startProcess([...args, ...moved])
      await child.kill('SIGTERM')
    }
    for (const path of [master, authority]) assert.equal((await stat(path)).mode & 0o777, 0o600)
    await assert.rejects(stat(join(dataDir, 'master.key')))
    await assert.rejects(stat(join(dataDir, 'tls', 'ca.key')))
  })

  it('may be handed over by systemd', async () => {
    const keys = join(folder, 'credentials')
    await mkdir(keys)
    for (const name of ['master.key', 'ca.key', 'tls.crt', 'tls.key', 'another'])
      await writeFile(join(keys, name), 'x')
    assert.deepEqual(credentialSettings({ CREDENTIALS_DIRECTORY: keys }), {
      master_key_file: join(keys, 'master.key'),
      ca_key_file: join(keys, 'ca.key'),
      tls_cert: join(keys, 'tls.crt'),
      tls_key: join(keys, 'tls.key'),
    })
    assert.deepEqual(credentialSettings({ CREDENTIALS_DIRECTORY: folder }), {})
    assert.deepEqual(credentialSettings({}), {})
  })

  it('are named when they are lost, and not made anew over what they have sealed', async () => {
    const dataDir = join(folder, 'lost')
    await withControlPlane(dataDir, (plane) => plane.enrol('web-01'))
    const path = join(dataDir, 'master.key')
    await rename(path, `${path}.away`)
    await assert.rejects(
      withControlPlane(dataDir, async () => undefined),
      /it is missing.*put the/,
    )
    await rename(`${path}.away`, path)
    await withControlPlane(dataDir, async ({ app }) => assert.equal(app.fleet.nodeCount(), 1))
  })

  it('get an owner back who has lost the token', async () => {
    const dataDir = join(folder, 'token')
    const lost = await withControlPlane(dataDir, async ({ adminToken }) => {
      await assert.rejects(
        run(process.execPath, [main, 'admin-token', 'reset', '--data-dir', dataDir]),
        /another control plane is running on it/,
      )
      return adminToken
    })
    await rm(join(dataDir, 'admin-token'))
    const reset = [main, 'admin-token', 'reset', '--data-dir', dataDir]
    const { stdout } = await run(process.execPath, reset)
    assert.equal(stdout, `the new token is in ${join(dataDir, 'admin-token')}\n`)
    const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()
    assert.notEqual(token, lost)
    await withControlPlane(dataDir, async (plane) => {
      assert.equal((await plane.admin.whoAmI({})).body.role, 'owner')
      const answer = await fetch(`${plane.url}/admin/v1/whoami`, {
        headers: { authorization: `Bearer ${lost}` },
      })
      assert.equal(answer.status, 401)
    })
  })

  it('leave the operators of other tenants their tokens', async () => {
    const dataDir = join(folder, 'tenants')
    const other = await withControlPlane(dataDir, (plane) =>
      addOperator(plane, { tenant: 'other', name: 'admin' }),
    )
    const place = { dataDir, databaseUrl: undefined, databasePasswordFile: undefined }
    await resetAdminToken(place, { clock: systemClock, log: silentLog })
    await withControlPlane(dataDir, async (plane) => {
      const answer = await fetch(`${plane.url}/admin/v1/whoami`, {
        headers: { authorization: `Bearer ${other.token}` },
      })
      assert.equal(answer.status, 200)
    })
  })
})
