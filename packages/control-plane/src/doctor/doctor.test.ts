import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, open, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, relative } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { lockHolder } from '@plexd/runtime'
import { authority, serverCertificate, serverKey } from '@plexd/runtime/testing'
import type { Config } from '../config/config.ts'
import { startProcess } from '../testing/child.ts'
import { startControlPlane, testLimits } from '../testing/harness.ts'
import { holdLock } from '../testing/hold-lock.ts'
import { makeTemporaryFolder } from '../testing/temporary-folder.ts'
import { version as ownVersion } from '../version.ts'
import { judgeCertificate } from './certificate-check.ts'
import { examineControlPlane } from './doctor.ts'

const run = promisify(execFile)
const main = join(import.meta.dirname, '../main.ts')

/** A folder on which a control plane ran and was ended, with its settings; it breaks as tests like. */
async function startedOnce(): Promise<{ config: Config } & AsyncDisposable> {
  const folder = await makeTemporaryFolder()
  await using plane = await startControlPlane({ dataDir: folder.path })
  await plane.enrol('web')
  await plane.admin.putSecret({
    params: { key: 'k' },
    body: { target: { selector: '*' }, value: 'v' },
  })
  return {
    config: { ...plane.app.config, adminSocket: join(folder.path, 'admin.sock') },
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  }
}

/** Asks for a finding by the name of its check. */
async function look(config: Config, nowMs = Date.now()) {
  const findings = await examineControlPlane(config, nowMs)
  return (name: string) => {
    const finding = findings.find(({ check }) => check === name)
    assert.ok(finding, name)
    return [finding.state, finding.detail, 'remedy' in finding ? finding.remedy : ''] as const
  }
}

describe('the doctor of a control plane', () => {
  it('finds nothing but the token where all is well, and that it does not run', async () => {
    await using place = await startedOnce()
    const { config } = place
    const of = await look(config)
    const [state, detail, remedy] = of('process')
    assert.deepEqual([state, detail], ['failed', `none runs on "${config.dataDir}"`])
    assert.match(remedy, /plexd-control-plane serve --data-dir \//)
    for (const name of ['data folder', 'private files', 'database', 'write lock', 'master key'])
      assert.equal(of(name)[0], 'ok', `${name}: ${of(name)[1]}`)
    assert.match(of('master key')[1], /holds [0-9a-f]{12}, which opens the database$/)
    const token = join(config.dataDir, 'admin-token')
    assert.deepEqual(of('admin token'), [
      'warning',
      `the token of the first operator is still in "${token}": whoever copies the folder is an owner`,
      `keep it elsewhere, tell plexctl where (plexctl config set --token-file FILE), and remove it: rm ${token}`,
    ])
    await rm(token)
    assert.deepEqual((await look(config))('admin token')[0], 'ok')
  })

  it('names nodes that ignore what is announced, as they heed something later', async () => {
    await using folder = await makeTemporaryFolder()
    await using plane = await startControlPlane({ dataDir: folder.path })
    const { config } = plane.app
    assert.equal((await look(config))('announcements')[0], 'ok')
    const { node_id, api } = await plane.enrol('liar')
    const announcement = Number.MAX_SAFE_INTEGER
    const heeded = { url: '', announcement, authorities: [], problem: '' }
    await api.heartbeat({ params: { node_id }, body: { heeded } })
    const [state, detail, remedy] = (await look(config))('announcements')
    assert.deepEqual([state, remedy], ['warning', 'plexctl move status'])
    assert.match(detail, /^nodes ignore them: "liar": it heeds announcement 9007199254740991/)
  })

  it('asks one that runs at each of its doors', async () => {
    await using folder = await makeTemporaryFolder()
    const adminSocket = join(folder.path, 'admin.sock')
    // Nobody else is on an address of the loopback network that is made up.
    const stun = { host: `127.${1 + (process.pid % 250)}.77.1`, port: 3_478 }
    await using plane = await startControlPlane({
      dataDir: folder.path,
      config: { adminSocket, stun },
    })
    const config = {
      ...plane.app.config,
      listen: { host: '127.0.0.1', port: Number(new URL(plane.url).port) },
    }
    const of = await look(config)
    assert.deepEqual(of('process').slice(0, 2), ['ok', `${process.pid} runs on "${folder.path}"`])
    assert.deepEqual(of('admin socket').slice(0, 2), ['ok', `"${adminSocket}" is ready`])
    assert.deepEqual(of('port').slice(0, 2), [
      'ok',
      `host "127.0.0.1", port ${config.listen.port} is ready`,
    ])
    assert.equal(of('STUN')[0], 'ok', of('STUN')[1])
    assert.equal(of('write lock')[0], 'ok')
    assert.equal(of('settings')[0], 'ok')
    plane.app.reloaded({ needsRestart: ['listen', 'limits'], error: undefined })
    assert.deepEqual((await look(config))('settings'), [
      'warning',
      'the next start changes listen limits',
      'systemctl restart plexd-control-plane',
    ])
    const elsewhere = await look({ ...config, stun: { ...stun, port: 3_479 } })
    assert.match(elsewhere('STUN')[1], /does not answer/)
  })

  it('finds nodes of versions that are not served, running or not', async () => {
    await using folder = await makeTemporaryFolder()
    await using plane = await startControlPlane({ dataDir: folder.path })
    const beat = async (hostname: string, version: string, userAgent: string) => {
      const node = await plane.enrol(hostname, { userAgent })
      const body = { version, binary_checksum: 'ab'.repeat(32) }
      await node.api.heartbeat({ params: node, body })
    }
    await beat('web', ownVersion, 'plexd/test (node)')
    await beat('go', '9.9.9', 'plexd/9.9.9')
    const served = await look(plane.app.config)
    assert.deepEqual(served('node versions').slice(0, 2), [
      'ok',
      `all 1 that say one are served by ${ownVersion}`,
    ])
    await beat('a', '9.9.9', 'plexd/test (node)')
    await beat('b', '9.9.9', 'plexd/9.9.9 (node)')
    const [state, detail, remedy] = (await look(plane.app.config))('node versions')
    assert.equal(state, 'warning')
    assert.match(
      detail,
      /^2 nodes: plexd 9\.9\.9 is too new for a control plane .*: upgrade the control plane$/,
    )
    assert.equal(remedy, 'plexctl upgrade status')
    const { items } = (await plane.admin.listNodes({ query: {} })).body
    assert.deepEqual(
      items.map(({ version_trouble }) => version_trouble !== undefined),
      [false, false, true, true],
    )
  })

  it('finds the process however its folder is named', async () => {
    await using folder = await makeTemporaryFolder()
    await using _plane = await startControlPlane({ dataDir: folder.path })
    const link = join(folder.path, 'link')
    await symlink(folder.path, link)
    for (const dataDir of [relative(process.cwd(), folder.path), link])
      assert.equal(lockHolder(join(dataDir, 'lock')), process.pid, dataDir)
  })

  it('finds what others may read, or own', async () => {
    await using place = await startedOnce()
    const { dataDir } = place.config
    // As a killed process leaves them.
    const beside = ['control-plane.db', 'recordings.db'].flatMap((name) => [
      `${name}-wal`,
      `${name}-shm`,
    ])
    const names = ['master.key', 'admin-token', 'control-plane.db', 'recordings.db', ...beside]
    for (const path of names.map((name) => join(dataDir, name))) {
      await writeFile(path, '', { flag: 'a' })
      await chmod(path, 0o644)
      const [state, detail, remedy] = (await look(place.config))('private files')
      assert.equal(state, 'failed')
      assert.equal(detail, `"${path}": users other than its owner may read it (mode 0644)`)
      assert.equal(remedy, `chmod 600 ${path}`)
      // Who closes a database that nobody else has open takes away what is beside it.
      if (existsSync(path)) await chmod(path, 0o600)
    }
    await chmod(dataDir, 0o777)
    assert.deepEqual((await look(place.config))('data folder').slice(0, 2), [
      'failed',
      `users other than its owner may change "${dataDir}" (mode 0777)`,
    ])
    await chmod(dataDir, 0o700)
    if (process.getuid?.() !== 0) return // only root gives files away
    await chown(join(dataDir, 'master.key'), 65_534, 65_534)
    for (const folder of [dataDir, relative(process.cwd(), dataDir)]) {
      const found = (await look({ ...place.config, dataDir: folder }))('private files')
      assert.equal(found[0], 'failed')
      assert.match(found[1], /master\.key": it belongs to another user \(uid 65534, mode 0600\)$/)
      assert.match(found[2] ?? '', /^chown 0 .*master\.key$/)
    }
  })

  it('finds a CA key that others may read', async () => {
    await using place = await startedOnce()
    const caKey = join(place.config.dataDir, 'tls', 'ca.key')
    await mkdir(join(place.config.dataDir, 'tls'))
    await writeFile(caKey, serverKey, { mode: 0o644 })
    const [state, detail] = (await look(place.config))('private files')
    assert.deepEqual(
      [state, detail],
      ['failed', `"${caKey}": users other than its owner may read it (mode 0644)`],
    )
  })

  it('finds a master key that is missing, broken or of another installation', async () => {
    await using place = await startedOnce()
    const path = join(place.config.dataDir, 'master.key')
    for (const [text, why] of [
      [Buffer.alloc(32, 7).toBase64(), /sealed .* under another master key/],
      ['nonsense', /want 32 bytes in base64/],
    ] as const) {
      await writeFile(path, text, { mode: 0o600 })
      const [state, detail, remedy] = (await look(place.config))('master key')
      assert.equal(state, 'failed')
      assert.match(detail, why)
      assert.match(remedy, /^put back the .*master\.key that belongs to this database/)
    }
    await rm(path)
    assert.match((await look(place.config))('master key')[1], /it is missing/)
  })

  it('finds pages that do not fit together, and a database that is none', async () => {
    await using place = await startedOnce()
    const path = join(place.config.dataDir, 'control-plane.db')
    {
      await using file = await open(path, 'r+')
      // Behind the first page, which says what the file is.
      await file.write(Buffer.alloc(3 * 4_096, 0xa5), 0, 3 * 4_096, 4_096)
    }
    const [state, detail, remedy] = (await look(place.config))('database')
    assert.equal(state, 'failed', detail)
    assert.match(remedy, /put a backup in its place$/)
    await writeFile(path, 'x'.repeat(10_000))
    const of = await look(place.config)
    assert.match(of('database')[1], /file is not a database/)
    assert.equal(of('data folder')[0], 'ok')
  })

  it('finds who keeps others from writing', async () => {
    await using place = await startedOnce()
    const path = join(place.config.dataDir, 'control-plane.db')
    await using _lock = await holdLock(path)
    const [state, detail, remedy] = (await look(place.config))('write lock')
    assert.equal(state, 'failed')
    assert.match(detail, /keeps everybody from writing/)
    assert.equal(remedy, `end it: fuser -v ${path}`)
  })

  it('finds a folder that is none, or that nothing was started in', async () => {
    await using folder = await makeTemporaryFolder()
    await using place = await startedOnce()
    const empty = await look({ ...place.config, dataDir: folder.path })
    assert.match(empty('private files')[1], /holds nothing of a control plane/)
    assert.equal(empty('database')[1], 'there is none yet')
    assert.equal(empty('master key')[0], 'ok')
    for (const dataDir of [join(folder.path, 'none'), join(place.config.dataDir, 'master.key')]) {
      const of = await look({ ...place.config, dataDir })
      assert.equal(of('data folder')[0], 'failed')
      assert.equal(of('process')[0], 'failed')
    }
  })

  it('finds another program on the port, a clock that is behind, and too few descriptors', async () => {
    await using place = await startedOnce()
    const other = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const limits = testLimits({ connections: 10 ** 9 })
    const of = await look(
      { ...place.config, listen: { host: '127.0.0.1', port }, limits },
      Date.now() - 3_600_000,
    )
    other.close()
    assert.match(of('port')[1], /^another program serves on host "127\.0\.0\.1", port \d+$/)
    assert.match(of('clock')[1], /^it is 3[56]\d\d s behind the newest entry/)
    assert.match(of('descriptors')[1], /make room for \d+ connections, and the limit "connections"/)
    assert.match(of('descriptors')[2], /^LimitNOFILE=\d+ in its unit, or --limit connections=\d+$/)
  })

  it('says so and ends with 1, and with 0 where all is well', async () => {
    await using folder = await makeTemporaryFolder()
    const args = ['--data-dir', folder.path, '--listen', '127.0.0.1:0', '--stun-listen', 'off']
    const doctor = (...more: string[]) => run(process.execPath, [main, 'doctor', ...args, ...more])
    await assert.rejects(doctor(), ({ code, stdout }: { code: number; stdout: string }) => {
      assert.equal(code, 1)
      assert.match(stdout, /^FAILED {2}process: {7}none runs on .*\n {8}-> systemctl start/)
      return true
    })
    await using _plane = await startProcess(args)
    const { stdout } = await doctor('--json')
    const findings = JSON.parse(stdout) as { check: string; state: string; detail: string }[]
    assert.deepEqual(
      findings.filter(({ state }) => state === 'failed'),
      [],
    )
    assert.match(
      findings.find(({ check }) => check === 'certificate')?.detail ?? '',
      /is good until 2/,
    )
  })
})

describe('plexd-control-plane ready', () => {
  it('ends with 0 when the control plane is ready, and with 5 when none answers', async () => {
    await using folder = await makeTemporaryFolder()
    const args = ['--data-dir', folder.path, '--listen', '127.0.0.1:0', '--stun-listen', 'off']
    const ready = (...more: string[]) => run(process.execPath, [main, 'ready', ...args, ...more])
    await assert.rejects(ready(), ({ code, stderr }: { code: number; stderr: string }) => {
      assert.equal(code, 5)
      assert.match(stderr, /ask the control plane at ".*admin\.sock": .*ENOENT/)
      return true
    })
    await using _plane = await startProcess(args)
    assert.equal((await ready()).stdout, 'ready\n')
    assert.deepEqual(JSON.parse((await ready('--json')).stdout), { status: 'ready' })
  })

  it('shows each of many warnings, and says so if something else answers', async () => {
    await using folder = await makeTemporaryFolder()
    const socket = join(folder.path, 'other.sock')
    const warnings = Array.from({ length: 100 }, (_, no) => `file ${no} was damaged`)
    let answer = JSON.stringify({ status: 'ready', warnings })
    const server = createServer((_request, response) => response.end(answer)).listen(socket)
    await once(server, 'listening')
    const args = ['ready', '--data-dir', folder.path, '--admin-socket', socket]
    const ready = () => run(process.execPath, [main, ...args])
    try {
      assert.equal((await ready()).stdout, `ready\n${warnings.join('\n')}\n`)
      for (answer of ['<html>', 'null', '{"warnings":1}'])
        await assert.rejects(ready(), { code: 5, stderr: /other\.sock": something else answers/ })
    } finally {
      server.close()
    }
  })
})

describe('judgeCertificate', () => {
  const cert = new X509Certificate(serverCertificate)
  const expected = {
    path: 'server.crt',
    names: ['127.0.0.1', 'localhost'],
    nowMs: Date.UTC(2025, 0),
  }
  const judge = (change: Partial<Parameters<typeof judgeCertificate>[1]> = {}) => {
    const { state, detail } = judgeCertificate(cert, { ...expected, ...change })
    return [state, detail]
  }

  it('looks at its time, its names and who signed it', () => {
    const end = cert.validToDate.getTime()
    assert.deepEqual(judge(), ['ok', '"server.crt" is good until 2120-01-01'])
    assert.deepEqual(judge({ nowMs: end }), ['failed', '"server.crt" has expired on 2120-01-01'])
    assert.deepEqual(judge({ nowMs: end - 1_000 }), [
      'warning',
      '"server.crt" expires on 2120-01-01',
    ])
    assert.equal(judge({ nowMs: 0 })[1], '"server.crt" is not valid yet: is the clock right?')
    assert.equal(
      judge({ names: ['localhost', 'plexd.example.com', '10.0.0.1'] })[1],
      '"server.crt" is not for plexd.example.com, 10.0.0.1: who comes by that name does not trust it',
    )
    assert.deepEqual(judge({ authority: new X509Certificate(authority) })[0], 'ok')
    const endMs = new X509Certificate(authority).validToDate.getTime()
    const near = judge({
      authority: new X509Certificate(authority),
      nowMs: endMs - 300 * 86_400_000,
    })
    assert.equal(near[0], 'warning')
    assert.match(near[1] ?? '', /^the authority in ca\.crt expires on 2/)
    assert.deepEqual(judge({ authority: cert }), [
      'failed',
      '"server.crt" is not signed by the ca.crt beside it',
    ])
  })
})
