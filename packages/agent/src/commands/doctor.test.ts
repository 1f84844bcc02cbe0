import assert from 'node:assert/strict'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { examine } from '@plexd/runtime'
import { freePort, serve } from '@plexd/runtime/testing'
import { defaultConfig } from '../config/agent-config.ts'
import { controlPlaneCheck } from '../doctor/control-plane-check.ts'
import { daemonChecks } from '../doctor/daemon-checks.ts'
import { machineChecks } from '../doctor/machine-checks.ts'
import { routingCheck } from '../doctor/routing-check.ts'
import { secretFilesCheck } from '../doctor/secret-files-check.ts'
import { saveIdentity } from '../identity/identity.ts'
import { startPlace } from '../testing/local-api-place.ts'

describe('plexd doctor', () => {
  it('names what a machine lacks that was never enrolled, each with a remedy', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    const config = {
      ...defaultConfig,
      hostname: 'web-01',
      dataDir,
      socketPath: join(dataDir, 'api.sock'),
      apiUrl: 'https://127.0.0.1:1',
      meshEnabled: false,
    }
    const findings = await examine([...machineChecks, controlPlaneCheck, ...daemonChecks], config)

    const of = (name: string) => findings.find(({ check }) => check === name)
    assert.deepEqual(of('identity'), {
      check: 'identity',
      state: 'failed',
      detail: `"${dataDir}" holds none: this machine is not enrolled`,
      remedy: 'plexd join --api https://HOST:PORT --token-file FILE',
    })
    assert.equal(of('secret files')?.state, 'ok')
    assert.equal(of('disk')?.state, 'ok')
    assert.equal(of('packet filter')?.detail, 'not needed: the mesh is switched off')
    assert.equal(of('control plane')?.state, 'failed')
    assert.match(of('control plane')?.detail ?? '', /ECONNREFUSED/)
    assert.equal(of('daemon')?.state, 'failed')
    assert.equal(of('public endpoint')?.state, 'warning')
    await rm(dataDir, { recursive: true })
  })

  it('says what is wrong with each address, and is content with one that answers', async () => {
    const answer =
      (status: number, error: string): RequestListener =>
      (_request, response) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ error, code: 'unavailable' }))
      }
    await using serving = await serve(answer(200, ''))
    await using waiting = await serve(answer(503, 'the control plane is waiting'))
    const gone = `http://127.0.0.1:${await freePort()}`
    const check = (...urls: string[]) => {
      const places = urls.map((apiUrl) => ({ apiUrl, proxyUrl: undefined }))
      const [first, ...otherPlaces] = places
      return controlPlaneCheck.run({ ...defaultConfig, ...first, otherPlaces })
    }
    const both = await check(waiting.url, serving.url)
    assert.equal(both.state, 'ok')
    assert.match(both.detail, /the control plane is waiting; .* answers$/)
    const one = await check(gone, serving.url, waiting.url)
    assert.equal(one.state, 'warning')
    assert.match(one.detail, new RegExp(`^"${gone}": .*ECONNREFUSED`))
    assert.equal((await check(waiting.url)).state, 'warning')
    assert.equal((await check(gone, gone)).state, 'failed')
  })

  it('says of a damaged identity how to get another', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    await writeFile(join(dataDir, 'identity.json'), 'null', { mode: 0o600 })
    const identity = machineChecks.find(({ name }) => name === 'identity')
    const finding = await identity?.run({ ...defaultConfig, hostname: 'web-01', dataDir })
    assert.partialDeepStrictEqual(finding, {
      state: 'failed',
      remedy:
        'restore it from a backup, or start over with "plexd deregister --purge --force" and "plexd join"',
    })
    await rm(dataDir, { recursive: true })
  })

  it('names a secret file that is not kept from others, with the command that mends it', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    const config = { ...defaultConfig, hostname: 'web-01', dataDir, tokenFile: join(dataDir, 't') }
    const paths = ['identity.json', 'node_secret_key', 'registration-key', 't']
    for (const path of paths.map((name) => join(dataDir, name))) {
      await writeFile(path, 'x')
      await chmod(path, 0o644)
      assert.deepEqual(await secretFilesCheck.run(config), {
        state: 'failed',
        detail: `"${path}": users other than its owner may read it (mode 0644)`,
        remedy: `chmod 600 ${path}`,
      })
      await chmod(path, 0o600)
      assert.equal((await secretFilesCheck.run(config)).state, 'ok')
    }
    await rm(dataDir, { recursive: true })
  })

  it('takes the files of a daemon that runs without root, and names one that it cannot read', async (t) => {
    if (process.getuid?.() !== 0) return t.skip('needs root, to give a file away')
    const dataDir = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    const config = { ...defaultConfig, hostname: 'web-01', dataDir, tokenFile: join(dataDir, 't') }
    const path = join(dataDir, 'identity.json')
    await writeFile(path, 'x', { mode: 0o600 })
    await chown(dataDir, 12_345, 12_345)
    assert.deepEqual(await secretFilesCheck.run(config), {
      state: 'failed',
      detail: `"${path}": user 12345, who the data dir belongs to, cannot read it`,
      remedy: `chown 12345 ${path}`,
    })
    await chown(path, 12_345, 12_345)
    assert.equal((await secretFilesCheck.run(config)).state, 'ok')
    await rm(dataDir, { recursive: true })
  })

  it('says how to mend a "mesh.range" that is not that of the mesh', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'plexd-test-'))
    const key = Buffer.alloc(32, 1).toString('base64')
    await saveIdentity(dataDir, {
      node_id: 'n_abc123',
      mesh_ip: '10.100.1.1',
      mesh_ranges: ['10.100.0.0/16'],
      hostname: 'web-01',
      private_key: key,
      signing_public_key: key,
      node_secret_key: 'k'.repeat(32),
    })
    const config = { ...defaultConfig, hostname: 'web-01', dataDir, meshRanges: ['10.99.0.0/16'] }
    assert.partialDeepStrictEqual(await routingCheck.run(config), {
      state: 'failed',
      remedy: 'set "mesh.range" in the config to 10.100.0.0/16, or remove it, and restart plexd',
    })
    await rm(dataDir, { recursive: true })
  })

  it('believes the daemon where the settings of the node are for root alone', async () => {
    await using place = await startPlace()
    const { socketPath } = place
    const config = { ...defaultConfig, hostname: 'web-01', socketPath }
    assert.deepEqual(await examine([controlPlaneCheck], config), [
      { check: 'control plane', state: 'ok', detail: 'https://cp.example.com answers the daemon' },
    ])
    const none = { ...config, socketPath: join(place.folder, 'none.sock') }
    assert.equal((await examine([controlPlaneCheck], none))[0]?.detail, 'none is named')
  })
})
