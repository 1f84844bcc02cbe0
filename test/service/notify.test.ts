import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createClient, formatJoin, localApi } from '@plexd/protocol'
import { createUnixTransport } from '@plexd/runtime'
import { until } from '@plexd/runtime/testing'
import { launch, type RunningProgram } from '../../scripts/programs/program.ts'
import { startManager, watchdogMs } from '../support/service-manager.ts'
import { type System, startSystem } from '../support/system.ts'

describe('a service manager', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plexd-service-'))
  const inFolder = (name: string): string => join(folder, name)
  let system: System
  before(async () => {
    system = await startSystem()
  })
  after(async () => {
    await system?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })

  it('is told that plexd is ready before the node is registered, of silence, and of its end', async () => {
    using manager = startManager(`@plexd-test-${process.pid}`)
    const credentials = inFolder('credentials')
    await mkdir(credentials)
    const env = { ...manager.env, CREDENTIALS_DIRECTORY: credentials }
    // A control plane that is away: nothing answers there.
    await using plexd = startPlexd({ ...env, PLEXD_BOOTSTRAP_TOKEN: 'plexd-token' }, [
      '--api',
      'https://127.0.0.1:1',
    ])
    await manager.hears('READY=1')
    assert.equal(manager.told()[0], 'STATUS=starting')
    await manager.hears(/^STATUS=not registered yet, event stream \w+, no mesh/)
    await manager.hears('WATCHDOG=1')

    plexd.child.kill('SIGSTOP')
    await until('it stands still', async () => (await stateOf(plexd)) === 'T')
    const before = manager.count('WATCHDOG=1')
    await new Promise((resolve) => setTimeout(resolve, watchdogMs / 2))
    assert.equal(
      manager.count('WATCHDOG=1'),
      before,
      'nothing speaks for a daemon that stands still',
    )
    plexd.child.kill('SIGCONT')
    await until('it is alive again', () => manager.count('WATCHDOG=1') > before)

    plexd.child.kill('SIGTERM')
    plexd.child.kill('SIGTERM')
    await manager.hears('STOPPING=1')
    await until('it has ended', () => plexd.child.exitCode !== null)
    assert.equal(plexd.child.exitCode, 0, 'the echo of the signal was no second one')
    assert.match(manager.told().at(-1) ?? '', /^EXTEND_TIMEOUT_USEC=\d+$/)
  })

  it('is told of reloads, and is not known to what plexd runs, nor are its credentials', async () => {
    using manager = startManager(inFolder('notify'))
    const hooks = inFolder('hooks')
    await mkdir(hooks)
    await writeFile(join(hooks, 'env'), '#!/bin/sh\nenv; env >&2\n')
    await chmod(join(hooks, 'env'), 0o755)
    const credentials = inFolder('credentials-2')
    await mkdir(credentials)
    await writeFile(join(credentials, 'plexd.join'), await joinString(), { mode: 0o400 })
    const config = inFolder('config.yaml')
    await writeFile(config, 'log_level: info\n')
    await using plexd = startPlexd(
      { ...manager.env, CREDENTIALS_DIRECTORY: credentials },
      ['--hooks-dir', hooks, '--hostname', 'web-02', '--config', config],
      [],
    )
    const local = createClient(localApi, createUnixTransport(plexd.socket))
    await until('it is up', async () => (await plexd.log()).includes('"plexd is up"'))
    await manager.hears(/^STATUS=web-02 \(n_\w+\), event stream connected, no mesh$/)
    const { body } = await local.runAction({
      body: { action: 'env', parameters: {}, timeout: '20s' },
    })
    const printed = JSON.stringify(body)
    assert.match(printed, /PATH=/)
    assert.doesNotMatch(printed, /NOTIFY_SOCKET|CREDENTIALS_DIRECTORY|WATCHDOG/)
    const children = await readFile(`/proc/${plexd.pid}/task/${plexd.pid}/children`, 'utf8')
    for (const pid of children.split(' ').filter(Boolean)) {
      const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
      assert.doesNotMatch(environ, /NOTIFY_SOCKET|CREDENTIALS_DIRECTORY|WATCHDOG/)
    }

    plexd.child.kill('SIGHUP')
    await manager.hears('RELOADING=1')
    await until('the reload is over', () => manager.count('READY=1') === 2)
    const status = async () => (await local.getStatus({})).body
    assert.equal((await status()).needs_restart, undefined, 'what the join string said is done')
    assert.doesNotMatch(await plexd.log(), /cannot be removed|reload failed/)
    await writeFile(config, 'mesh: { mtu: 5 }\n')
    plexd.child.kill('SIGHUP')
    await manager.hears(/^STATUS=.*a problem: the settings could not be read again/)
    await writeFile(config, 'mesh: { mtu: 1300 }\n')
    plexd.child.kill('SIGHUP')
    await manager.hears(/^STATUS=web-02.* the next start changes mesh\.mtu$/)
    assert.deepEqual((await status()).problems, [])
    await plexd.end()
  })

  it('is told that a control plane is ready when its port answers, and of what takes long before', async () => {
    using manager = startManager(inFolder('control-plane'))
    const args = ['serve', '--data-dir', inFolder('data'), '--listen', '127.0.0.1:0']
    await mkdir(inFolder('data'), { mode: 0o700 })
    await writeFile(inFolder('data/recordings.db'), 'no database', { mode: 0o600 })
    const plane = launch('control-plane', [...args, '--stun-listen', 'off'], {
      logFile: inFolder('control-plane.log'),
      env: manager.env,
    })
    plane.child.stdout?.resume()
    try {
      await manager.hears(/^STATUS=saving what can be read of ".*recordings\.db"$/)
      await manager.hears(/^EXTEND_TIMEOUT_USEC=600\d{6}$/)
      await manager.hears('READY=1')
      await manager.hears(/^STATUS=serving https:\/\/127\.0\.0\.1:\d+, 0 nodes, 0 event streams$/)
      await until('it is alive by the socket too', () => manager.count('WATCHDOG=1') > 2)
      plane.child.kill('SIGHUP')
      await manager.hears('RELOADING=1')
      plane.child.kill('SIGTERM')
      await manager.hears('STOPPING=1')
    } finally {
      await plane.end()
    }
    assert.equal(plane.child.exitCode, 0)
  })

  async function joinString(): Promise<string> {
    const { url, caFile } = system.controlPlane
    const { fingerprint256 } = new X509Certificate(await readFile(caFile))
    const ca = `sha256:${fingerprint256.replaceAll(':', '').toLowerCase()}`
    return formatJoin({ url, token: await system.bootstrapToken(), ca })
  }

  function startPlexd(
    env: Record<string, string>,
    more: readonly string[] = [],
    api: readonly string[] = [
      '--api',
      system.controlPlane.url,
      '--ca-file',
      system.controlPlane.caFile,
    ],
  ) {
    const home = mkdtempSync(join(folder, 'node-'))
    const socket = join(home, 'api.sock')
    const place = ['--data-dir', join(home, 'data'), '--socket', socket]
    const token = ['--token-file', join(home, 'token')]
    const program = launch('plexd', ['up', '--no-mesh', ...place, ...token, ...api, ...more], {
      logFile: join(home, 'plexd.log'),
      env,
    })
    program.child.stdout?.resume()
    return { ...program, socket, [Symbol.asyncDispose]: () => program.end() }
  }
})

async function stateOf({ pid }: RunningProgram): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  return /\) (\w)/.exec(stat)?.[1]
}
